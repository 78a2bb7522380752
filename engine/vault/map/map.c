/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "map-page-priv.h"
#include "map-priv.h"

VkMap *vk_map_new(VkBlockCache *cache, const GPtrArray *runs, guint32 blocks)
{
	VkMap *map = g_new0(VkMap, 1);

	map->cache = cache;
	map->runs = runs;
	map->blocks = blocks;
	return map;
}

void vk_map_free(VkMap *map)
{
	g_free(map);
}

/*
 * Finds BLOCK in one page. *RET_NEXT is the first block after it that the page names, or the given
 * value stays.
 */
static gboolean page_lookup(VkMap *map, const VkSegment *segment, guint number, guint32 block,
			    VkExtent *ret, gboolean *ret_found, guint32 *ret_next, GError **error)
{
	VkMapPage page = {0};
	guint n;
	gboolean ok = TRUE;

	if (!vk_map_page_load(map->cache, segment, number, &page, error))
		return FALSE;
	n = vk_map_count_not_after(page.extents, sizeof(VkPageExtent), page.n_extents, block, TRUE);
	if (n > 0) {
		ok = vk_map_page_extent(&page, segment, n - 1, ret, error);
		*ret_found = ok && block - ret->first < ret->count;
	}
	if (n < page.n_extents)
		*ret_next = MIN(*ret_next, GUINT32_FROM_LE(page.extents[n].first));
	vk_map_page_clear(&page);
	return ok;
}

static gboolean segment_lookup(VkMap *map, const VkSegment *segment, guint32 block, VkExtent *ret,
			       gboolean *ret_found, guint32 *ret_next, GError **error)
{
	g_autoptr(GBytes) directory = vk_map_directory_load(map->cache, segment, error);
	const guint32 *firsts;
	guint n;

	if (!directory)
		return FALSE;
	firsts = g_bytes_get_data(directory, NULL);
	n = vk_map_count_not_after(firsts, sizeof(*firsts), segment->pages, block, TRUE);
	if (n < segment->pages)
		*ret_next = MIN(*ret_next, GUINT32_FROM_LE(firsts[n]));
	if (n == 0)
		return TRUE;
	return page_lookup(map, segment, n - 1, block, ret, ret_found, ret_next, error);
}

/* Like segment_lookup() for a whole run. */
static gboolean run_lookup(VkMap *map, const VkRun *run, guint32 block, VkExtent *ret,
			   gboolean *ret_found, guint32 *ret_next, GError **error)
{
	const VkSegment *segments = (const VkSegment *)(gconstpointer)run->segments->data;
	guint n_segments = run->segments->len;
	guint n = n_segments == 0
			  ? 0
			  : vk_map_count_not_after(&segments[0].first_block, sizeof(VkSegment),
						   n_segments, block, FALSE);

	*ret_found = FALSE;
	if (n < n_segments)
		*ret_next = MIN(*ret_next, segments[n].first_block);
	if (n == 0 || block > segments[n - 1].last_block)
		return TRUE;
	return segment_lookup(map, &segments[n - 1], block, ret, ret_found, ret_next, error);
}

gboolean vk_map_lookup(VkMap *map, guint32 block, VkExtent *ret, gboolean *ret_present,
		       GError **error)
{
	guint32 end = map->blocks;

	g_assert(block < map->blocks);
	for (guint i = 0; i < map->runs->len; i++) {
		VkExtent extent;
		gboolean found;
		guint32 skipped;

		if (!run_lookup(map, map->runs->pdata[i], block, &extent, &found, &end, error))
			return FALSE;
		if (!found)
			continue;
		skipped = block - extent.first;
		end = MIN(end, extent.first + extent.count);
		*ret = extent;
		ret->first = block;
		ret->count = end - block;
		if (extent.kind == VK_EXTENT_DATA)
			ret->slot = extent.slot + skipped;
		*ret_present = TRUE;
		return TRUE;
	}
	*ret = (VkExtent){.first = block, .count = end - block, .kind = VK_EXTENT_HOLE};
	*ret_present = FALSE;
	return TRUE;
}
