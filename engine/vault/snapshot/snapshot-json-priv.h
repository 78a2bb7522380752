/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the writer and the reader of snapshot objects share. For this folder only. */
#pragma once

#include <glib.h>

/* A member "char *" at OFFSET in its struct, and its name in JSON. */
typedef struct VkTextMember {
	const char *key;
	gsize offset;
	gboolean optional;
} VkTextMember;

/* Each ends with a NULL key. */
extern const VkTextMember vk_snapshot_texts[];
extern const VkTextMember vk_disk_texts[];
extern const VkTextMember vk_file_texts[];
extern const VkTextMember vk_skip_texts[];

/* The kind of a copy whose bytes are in this vault. */
#define VK_COPY_VAULT "vault"

/* The kind of one that an array has; its other members are the array's. */
#define VK_COPY_ARRAY "array"
