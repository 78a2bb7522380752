/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where items go: names for new files, and what is there already. Threads: free.
 */
#pragma once

#include "plan.h"

#include <glib.h>

/* "GUEST-PART", safe as a file name and short enough for one, whatever GUEST is. New string. */
char *vk_place_file_name(const char *guest, const char *part);

/* "TARGET.raw" or "TARGET.qcow2". New string. */
char *vk_place_disk_name(const char *target, const char *format);

/* The format to write a disk in: FORMAT if asked for, else the original's where it can be. */
const char *vk_place_format(const char *format, const char *original);

/* TRUE for a path of device files, whether or not the device is there now. */
gboolean vk_place_is_device_path(const char *path);

typedef enum {
	VK_REPLACE_NO,     /* an existing file is refused, naming --force */
	VK_REPLACE_FILE,   /* it is replaced, unless a running guest has it open */
	VK_REPLACE_IN_USE, /* it is replaced; that its guest is off is checked later */
} VkReplace;

/*
 * Sets ITEM's path and looks at what is there: keeps owner and mode of a file to be replaced, finds
 * block devices, which FORCE alone allows. HINT names the options besides --force that help.
 */
gboolean vk_place_set(VkRestoreItem *item, const char *path, VkReplace replace, gboolean force,
		      const char *hint, GError **error);

/*
 * VK_ERROR_BUSY when QEMU holds its locks on the image PATH, or the host a block device. A file
 * that cannot be opened is not in use.
 */
gboolean vk_place_check_unused(const char *path, GError **error);
