/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory and the pages of a segment in memory. Threads: free. */
#pragma once

#include "block-cache.h"
#include "extent.h"
#include "run.h"

#include <glib.h>

/* The cached bytes of a page, checked, and where its parts are. */
typedef struct VkMapPage {
	GBytes *bytes; /* NULL: none is loaded */
	const VkPageExtent *extents;
	const VkPackId *packs;
	guint n_extents;
	guint n_packs;
} VkMapPage;

/* The page NUMBER of the segment. Sets *PAGE, which held none, on success only. */
gboolean vk_map_page_load(VkBlockCache *cache, const VkSegment *segment, guint number,
			  VkMapPage *page, GError **error);
void vk_map_page_clear(VkMapPage *page);

/* Its extent I in host byte order; VK_ERROR_DAMAGE for one that cannot be. */
gboolean vk_map_page_extent(const VkMapPage *page, const VkSegment *segment, guint i, VkExtent *ret,
			    GError **error);

/* The first block of each page of the segment, as little-endian guint32. New reference. */
GBytes *vk_map_directory_load(VkBlockCache *cache, const VkSegment *segment, GError **error);

/* The number of elements whose first block is <= BLOCK. FIRSTS is ascending, STRIDE in bytes. */
guint vk_map_count_not_after(gconstpointer firsts, gsize stride, guint n, guint32 block,
			     gboolean little_endian);

/* Fails: what a segment says is damaged. */
gboolean vk_map_fail_damaged(const VkSegment *segment, const char *what, GError **error);
