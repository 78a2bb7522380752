/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between two images of a vault, by their maps: no block is read. A block counts as
 * changed when it is held by another slot; one that was overwritten with what it had is in the same
 * slot. Threads: free.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/* Changed blocks that lie close together: all in bytes. */
typedef struct VkChangedRegion {
	guint64 offset, length; /* in the image; from the first changed block to the last one */
	guint64 changed;        /* in it */
} VkChangedRegion;

#define VK_CHANGED_REGIONS_MAX 5u

typedef struct VkImageDelta {
	guint64 written; /* bytes in blocks that hold other data than before */
	guint64 cleared; /* bytes that held data before and read as zeros now: trimmed or zeroed */
	VkChangedRegion regions[VK_CHANGED_REGIONS_MAX]; /* those with the most in them first */
	guint n_regions;
} VkImageDelta;

/*
 * What NOW has in place of BEFORE (nullable: of nothing). Both lie in the vault. The cost follows
 * the number of their extents. VK_ERROR_DAMAGE when a map cannot be read. Stops on
 * vk_interrupted().
 */
gboolean vk_image_delta_measure(VkVault *vault, const VkImageRecord *before,
				const VkImageRecord *now, VkImageDelta *ret, GError **error);
