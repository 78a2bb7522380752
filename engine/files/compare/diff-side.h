/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDiffSide: one of two walks that are compared, entry by entry. It holds two entries at a time.
 * Threads: one at a time.
 */
#pragma once

#include "content-digest.h"
#include "guest-files.h"

#include <glib.h>

typedef struct VkDiffEntry {
	VkEntry entry;
	gboolean has_digest; /* it is a regular file, and its contents were walked */
	guint8 digest[VK_CONTENT_DIGEST_BYTES];
} VkDiffEntry;

/* The next part of the walk goes to the calls of its side; see vk_guest_walk_step(). */
typedef gboolean (*VkDiffStep)(gpointer data, gboolean *ret_ended, GError **error);

typedef struct VkDiffSide VkDiffSide;

/* The walk of PATH, WITH_DATA if it has VK_WALK_DATA. STEP leads to the calls of the side. */
VkDiffSide *vk_diff_side_new(const char *path, gboolean with_data, VkDiffStep step, gpointer data);
void vk_diff_side_free(VkDiffSide *side); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDiffSide, vk_diff_side_free)

VkWalkCalls vk_diff_side_calls(VkDiffSide *side);

/*
 * The entry that is compared next, borrowed until the next call of vk_diff_side_drop(); NULL at the
 * end. VK_ERROR_FAILED if the walk has no order.
 */
gboolean vk_diff_side_peek(VkDiffSide *side, const VkDiffEntry **ret, GError **error);
void vk_diff_side_drop(VkDiffSide *side);

/*
 * Whether what is at PATH could not be read, or what is above it. All is known of paths up to that
 * of the entry that is compared.
 */
gboolean vk_diff_side_is_unread(const VkDiffSide *side, const char *path);

/* Of the walk, where something could not be read; NULL: none. Borrowed. */
const GError *vk_diff_side_trouble(const VkDiffSide *side);

/* The order of walks: a directory, what is below it, the next name. As of strcmp(). */
int vk_walk_order(const char *one, const char *other);
