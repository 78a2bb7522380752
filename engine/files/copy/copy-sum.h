/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkCopySum: how much a walk is going to write. Threads: one at a time. */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkCopySum {
	guint64 bytes;   /* of the files, without their holes */
	guint64 entries; /* of any kind */
} VkCopySum;

/* The sum of a walk that goes on. */
typedef struct VkCopySumming VkCopySumming;

/* The walk is ended with an error once SUM, which is borrowed, has more entries than that. */
VkCopySumming *vk_copy_summing_new(VkCopySum *sum, guint64 entries_max);
void vk_copy_summing_free(VkCopySumming *summing); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCopySumming, vk_copy_summing_free)

VkWalkCalls vk_copy_summing_calls(VkCopySumming *summing);

/*
 * Sums up what WALK will find, without reading contents. What cannot be read is left to the walk
 * itself. The file systems can lie. With more than ENTRIES_MAX entries the sum ends there.
 */
gboolean vk_copy_sum(VkGuestFiles *files, const VkWalk *walk, guint64 entries_max, VkCopySum *ret,
		     GError **error);
