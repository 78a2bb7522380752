/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkFile: an open file of a snapshot. It holds the snapshot's view, so it keeps reading when the
 * snapshot leaves the catalogue. Threads: free, but for the close.
 */
#pragma once

#include "view-cache.h"

#include <glib.h>

typedef struct VkFile VkFile;

/* The file at place INDEX (from 0) of CACHED, which is borrowed and referenced. */
VkFile *vk_file_open(VkCachedView *cached, guint index, GError **error);

/* Partition INDEX (from 0) of the disk number DISK of CACHED, which is borrowed and referenced. */
VkFile *vk_file_open_partition(VkCachedView *cached, guint disk, guint index, GError **error);
void vk_file_close(VkFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkFile, vk_file_close)

/* "GUEST@TIME:NAME" or "GUEST@TIME:DISK.parts/NAME", for messages. Borrowed. */
const char *vk_file_title(const VkFile *file);

/* Whether another open of it may read something else. */
gboolean vk_file_may_change(const VkFile *file);

/* Reads up to LENGTH bytes; *RET_LENGTH falls short of it at the end of the file only. */
gboolean vk_file_read(VkFile *file, guint64 offset, void *buf, gsize length, gsize *ret_length,
		      GError **error);

/*
 * A descriptor that has the file's bytes from OFFSET on, *LENGTH of them, at their offsets; -1:
 * there is none, read them. *LENGTH is cut at the end of the file. Borrowed until the close.
 */
int vk_file_plain(const VkFile *file, guint64 offset, guint64 *length);

/*
 * SEEK_DATA and SEEK_HOLE of lseek(2): the first offset at or after OFFSET that is data, or hole;
 * the end of the file is a hole. *RET_FOUND is FALSE where lseek says ENXIO: at or past the end,
 * and for SEEK_DATA in the last hole.
 */
gboolean vk_file_seek_data(VkFile *file, guint64 offset, gboolean *ret_found, guint64 *ret_offset,
			   GError **error);
gboolean vk_file_seek_hole(VkFile *file, guint64 offset, gboolean *ret_found, guint64 *ret_offset,
			   GError **error);
