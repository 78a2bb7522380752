/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCopyNames: the files of a copy that have more names, by what they are in the guest. A file is
 * forgotten when all its names have come; a guest can have names that never come, so there is a
 * bound. Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* A file in the guest. */
typedef struct VkFileId {
	guint64 device, inode;
	guint32 links; /* its names */
} VkFileId;

/* The file on this host. */
typedef struct VkWrittenFile {
	char *path; /* the first of its names */
	dev_t device;
	ino_t inode;
} VkWrittenFile;

typedef struct VkCopyNames VkCopyNames;

/* Remembers at most MAX files. */
VkCopyNames *vk_copy_names_new(guint max);
void vk_copy_names_free(VkCopyNames *names); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCopyNames, vk_copy_names_free)

/* Remembers a file whose first name has come; PATH is copied. FALSE: there are too many. */
gboolean vk_copy_names_add(VkCopyNames *names, const VkFileId *id, const VkWrittenFile *file);

/* The file that was remembered, borrowed until the next call; NULL: none. */
const VkWrittenFile *vk_copy_names_find(const VkCopyNames *names, const VkFileId *id);

/* Another name of the file has come. */
void vk_copy_names_pass(VkCopyNames *names, const VkFileId *id);

/* Forgets all. */
void vk_copy_names_clear(VkCopyNames *names);
