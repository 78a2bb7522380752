/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dirty bitmaps in an image file, as qemu-img lists them. While a guest runs, QEMU has them in
 * memory: then the list is as old as the opening of the image, and every bitmap looks broken.
 * Threads: free.
 */
#pragma once

#include "domain.h"
#include "host.h"

#include <glib.h>

typedef struct VkImageBitmap {
	char *name;
	gboolean in_use;    /* open in a QEMU, or left so by one that did not end cleanly */
	gboolean recording; /* notes what is written */
	gboolean below;     /* it lies in the backing chain, not in the image itself */
} VkImageBitmap;

typedef struct VkImageBitmaps {
	gboolean can_track;
	char *reason;       /* why not, in words; else NULL */
	GPtrArray *bitmaps; /* VkImageBitmap */
} VkImageBitmaps;

/* Of the image of DISK, whether the guest runs or not. */
VkImageBitmaps *vk_image_bitmaps_read(VkHost *host, const VkDomainDisk *disk, GError **error);
void vk_image_bitmaps_free(VkImageBitmaps *bitmaps);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkImageBitmaps, vk_image_bitmaps_free)

/* The bitmap NAME of the image itself, or with BELOW of its backing chain; NULL: none. Borrowed. */
const VkImageBitmap *vk_image_bitmaps_find(const VkImageBitmaps *bitmaps, const char *name,
					   gboolean below);

/*
 * Begins or removes a bitmap of an image that no program has open. The call holds the image's lock
 * for some milliseconds.
 */
gboolean vk_image_bitmap_add(VkHost *host, const VkDomainDisk *disk, const char *name,
			     GError **error);
gboolean vk_image_bitmap_remove(VkHost *host, const VkDomainDisk *disk, const char *name,
				GError **error);
