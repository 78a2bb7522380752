/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel, the initial RAM disk and the device tree of a guest that QEMU boots without a loader:
 * they lie on the host, and without them the guest does not start elsewhere.
 */
#pragma once

#include <glib.h>

/*
 * Reads the file at PATH into memory: one at a time, because it may have hundreds of MiB.
 * VK_ERROR_FAILED if it is not a file, or has more than 256 MiB. Threads: free.
 */
GBytes *vk_boot_file_read(const char *path, guint32 *ret_mode, GError **error);
