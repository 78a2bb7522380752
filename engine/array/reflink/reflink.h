/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for file systems that clone files: XFS, btrfs and others. */
#pragma once

#include "array-driver.h"

extern const VkArrayDriver vk_reflink_driver;
