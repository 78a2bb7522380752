/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkParts: the partitions of the disks of a view, as files of a directory for each disk. A disk's
 * table is read when its directory is first looked into, and is kept. Threads: free.
 */
#pragma once

#include "view.h"

#include <glib.h>

/* A partition. */
typedef struct VkPart {
	char *name;        /* "p1.ext4.raw", or "p1.raw" if it is not known what lies in it */
	guint64 start;     /* bytes, on the disk */
	guint64 size;      /* bytes */
	guint64 allocated; /* bytes: its share of what the disk has */
} VkPart;

typedef struct VkParts VkParts;

/* Asks nothing of VIEW, which is borrowed until the free. */
VkParts *vk_parts_new(VkView *view);
void vk_parts_free(VkParts *parts);

/* How many disks the view has. Below, DISK counts them from 0. */
guint vk_parts_disks(const VkParts *parts);

/* The disk itself. Borrowed. */
const VkViewFile *vk_parts_disk(const VkParts *parts, guint disk);

/* The name of the directory, "vda.parts". New string. */
char *vk_parts_directory(const VkParts *parts, guint disk);

/* "GUEST@TIME:vda.parts", for messages. New string. */
char *vk_parts_title(const VkParts *parts, guint disk);

/*
 * The partitions by number, none if the disk has no table. An array of VkPart, borrowed until the
 * free. VK_ERROR_NOT_FOUND only if the snapshot is gone.
 */
const GArray *vk_parts_list(VkParts *parts, guint disk, GError **error);
