/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCopyWriter: writes what a walk finds below a directory of this host. The guest chooses names,
 * types and sizes, so nothing is written outside of the directory, no symbolic link on the way is
 * followed, and nothing of the host is replaced unless that was asked for. Threads: one at a time.
 */
#pragma once

#include "copy-count.h"
#include "copy-sum.h"
#include "guest-files.h"

#include <glib.h>

typedef struct VkCopyWriter VkCopyWriter;

typedef struct VkCopyOptions {
	/* Owners, all bits of the mode, and more attributes: what root alone can keep. */
	gboolean archive;
	gboolean overwrite; /* replace files that exist */
} VkCopyOptions;

/* Opens DIRECTORY, which exists. OPTIONS are copied. */
VkCopyWriter *vk_copy_writer_new(const char *directory, const VkCopyOptions *options,
				 GError **error);
void vk_copy_writer_free(VkCopyWriter *writer); /* takes NULL; drops a file that is not whole */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCopyWriter, vk_copy_writer_free)

/* Free inodes of the file system; G_MAXUINT64: nobody knows. */
guint64 vk_copy_writer_entries_free(const VkCopyWriter *writer);

/*
 * From now on what is asked for, which is SUM, is written as NAME in the directory. VK_ERROR_USAGE
 * when NAME is no name; VK_ERROR_FAILED when there is no room for it.
 */
gboolean vk_copy_writer_begin(VkCopyWriter *writer, const char *name, const VkCopySum *sum,
			      GError **error);

/* The calls of a walk with all flags but VK_WALK_FOLLOW. */
VkWalkCalls vk_copy_writer_calls(VkCopyWriter *writer);

/* The end of the walk: the last file, and the modes and times of the directories. */
gboolean vk_copy_writer_end(VkCopyWriter *writer, GError **error);

const VkCopyCount *vk_copy_writer_count(const VkCopyWriter *writer);
