/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMissing: the ranges of an image that could not be read, because they are damaged. Threads: one
 * at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkMissingRange {
	guint64 offset, length; /* bytes */
} VkMissingRange;

typedef struct VkMissing {
	GArray *ranges; /* VkMissingRange: ascending, and with gaps between them, once settled */
	guint64 bytes;  /* of all ranges */
} VkMissing;

VkMissing *vk_missing_new(void);
void vk_missing_free(VkMissing *missing); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMissing, vk_missing_free)

/* Ranges come in any order, but none twice. */
void vk_missing_add(VkMissing *missing, guint64 offset, guint64 length);

/* Sorts and joins the ranges, after the last was added. */
void vk_missing_settle(VkMissing *missing);

/* One line for each range: offset and length in bytes, in decimal. New string. */
char *vk_missing_text(const VkMissing *missing);

/* Whether the file PATH begins as such a text does. FALSE also when it cannot be read. */
gboolean vk_missing_is_list(const char *path);
