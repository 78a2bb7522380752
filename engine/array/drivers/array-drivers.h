/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table of drivers, and all arrays by it. Threads: free. */
#pragma once

#include "array.h"

/*
 * All arrays: those of the sections [array NAME] of SETTINGS, and file systems with reflinks, which
 * need none. SETTINGS are borrowed until the free. WARN reports what is not an error but has to be
 * known. Nothing is contacted yet.
 */
VkArrays *vk_arrays_new(const VkSettings *settings, VkWarn warn, GError **error);
