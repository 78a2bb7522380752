/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The extended attributes of nodes: what a snapshot says about its disks, for programs that have
 * but the path. Threads: free.
 */
#pragma once

#include "view.h"

#include <glib.h>

#define VK_ATTRIBUTE_PREFIX "user.virtkeep."

typedef struct VkAttribute {
	const char *name; /* with the prefix; static */
	char *value;
} VkAttribute;

/*
 * Of a file of SNAPSHOT, or of its directory; DISK is the file's disk, or NULL. New array of
 * VkAttribute, which it owns.
 */
GArray *vk_attributes_new(const VkSnapshot *snapshot, const VkDiskRecord *disk);
