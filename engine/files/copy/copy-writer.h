/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCopyWriter: writes what a walk finds below a directory of this host. The guest chooses names,
 * types and sizes, so nothing is written outside of the directory, no symbolic link on the way is
 * followed, and nothing of the host is replaced unless that was asked for. Threads: one at a time.
 */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkCopyWriter VkCopyWriter;

typedef struct VkCopyOptions {
	/* Owners, all bits of the mode, and more attributes: what root alone can keep. */
	gboolean archive;
	gboolean overwrite; /* replace files that exist */
} VkCopyOptions;

/* What was done. */
typedef struct VkCopyCount {
	guint64 files, directories, links;
	guint64 bytes;   /* of the files, without their holes */
	guint64 skipped; /* devices, FIFOs and sockets */
	guint64 failed;  /* entries that could not be written, each of which was warned of */
	guint64 refused; /* extended attributes that this host refused, likewise */
} VkCopyCount;

/* Opens DIRECTORY, which exists. OPTIONS are copied. */
VkCopyWriter *vk_copy_writer_new(const char *directory, const VkCopyOptions *options,
				 GError **error);
void vk_copy_writer_free(VkCopyWriter *writer); /* takes NULL; drops a file that is not whole */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCopyWriter, vk_copy_writer_free)

/*
 * From now on what is asked for is written as NAME in the directory. VK_ERROR_USAGE when NAME is no
 * name.
 */
gboolean vk_copy_writer_begin(VkCopyWriter *writer, const char *name, GError **error);

/* The calls of a walk with all flags but VK_WALK_FOLLOW. */
VkWalkCalls vk_copy_writer_calls(VkCopyWriter *writer);

/* The end of the walk: the last file, and the modes and times of the directories. */
gboolean vk_copy_writer_end(VkCopyWriter *writer, GError **error);

const VkCopyCount *vk_copy_writer_count(const VkCopyWriter *writer);
