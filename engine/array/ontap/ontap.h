/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for NetApp ONTAP. */
#pragma once

#include "array-driver.h"

extern const VkArrayDriver vk_ontap_driver;
