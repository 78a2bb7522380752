/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kernel needs to read the disks of a guest in a machine of QEMU. Threads: free. */
#pragma once

#include "initrd.h"

#include <glib.h>

/*
 * Adds those that the directory MODULES has of the modules by which the agent gets at its disc, or
 * of all others, for file systems and volumes, to the directory "modules" of INITRD, with
 * the lists by which they are found. VK_ERROR_NOT_FOUND if depmod(8) has not made its lists.
 */
gboolean vk_kernel_modules_add_first(VkInitrd *initrd, const char *modules, GError **error);
gboolean vk_kernel_modules_add(VkInitrd *initrd, const char *modules, GError **error);
