/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "map.h"

#include "errors.h"

#include <string.h>

struct VkMap {
	VkBlockCache *cache;
	const GPtrArray *runs;
	guint32 blocks;
};

/* A page in memory: the cached bytes, checked, and where its parts are. */
typedef struct Page {
	GBytes *bytes;
	const VkPageExtent *extents;
	const VkPackId *packs;
	guint n_extents;
	guint n_packs;
} Page;

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

static gboolean damaged(const VkSegment *segment, const char *what, GError **error)
{
	char hex[33];

	vk_pack_id_format(&segment->pack, hex);
	return vk_fail(error, VK_ERROR_DAMAGE, "the map in pack '%s' is damaged: %s", hex, what);
}

/* The bytes were verified by their checksum; this guards against a page that lies about itself. */
static gboolean load_page(VkMap *map, const VkSegment *segment, guint number, Page *page,
			  GError **error)
{
	const VkPageHeader *header;
	gsize size;

	page->bytes = vk_block_cache_get(map->cache, &segment->pack, segment->slot + 1 + number,
					 VK_SLOT_KIND_MAP, error);
	if (!page->bytes)
		return FALSE;
	header = g_bytes_get_data(page->bytes, &size);
	page->n_extents = size < sizeof(*header) ? 0 : GUINT16_FROM_LE(header->extents);
	page->n_packs = size < sizeof(*header) ? 0 : GUINT16_FROM_LE(header->packs);
	if (page->n_extents == 0 || GUINT32_FROM_LE(header->magic) != VK_PAGE_MAGIC ||
	    GUINT16_FROM_LE(header->version) != VK_FORMAT_VERSION ||
	    size != sizeof(*header) + page->n_extents * sizeof(VkPageExtent) +
			    page->n_packs * sizeof(VkPackId)) {
		g_clear_pointer(&page->bytes, g_bytes_unref);
		return damaged(segment, "not a map page", error);
	}
	page->extents = (const VkPageExtent *)(header + 1);
	page->packs = (const VkPackId *)(page->extents + page->n_extents);
	return TRUE;
}

static gboolean page_extent(const Page *page, const VkSegment *segment, guint i, VkExtent *ret,
			    GError **error)
{
	const VkPageExtent *extent = &page->extents[i];
	guint32 count_kind = GUINT32_FROM_LE(extent->count_kind);
	guint32 pack = GUINT32_FROM_LE(extent->pack);

	ret->first = GUINT32_FROM_LE(extent->first);
	ret->count = count_kind & VK_EXTENT_BLOCKS_MAX;
	ret->kind = (VkExtentKind)(count_kind >> VK_EXTENT_KIND_SHIFT);
	ret->slot = GUINT32_FROM_LE(extent->slot);
	if (ret->kind > VK_EXTENT_DAMAGED || ret->count == 0 ||
	    ret->count > G_MAXUINT32 - ret->first ||
	    (ret->kind == VK_EXTENT_DATA && (pack >= page->n_packs || ret->slot >= VK_SLOTS_MAX ||
					     ret->count > VK_SLOTS_MAX - ret->slot)))
		return damaged(segment, "an extent out of bounds", error);
	if (ret->kind == VK_EXTENT_DATA)
		ret->pack = page->packs[pack];
	return TRUE;
}

/* The number of elements whose first block is <= BLOCK. FIRSTS is ascending, STRIDE in bytes. */
static guint count_not_after(gconstpointer firsts, gsize stride, guint n, guint32 block,
			     gboolean little_endian)
{
	guint low = 0;
	guint high = n;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		guint32 first;

		memcpy(&first, (const guint8 *)firsts + middle * stride, sizeof(first));
		if ((little_endian ? GUINT32_FROM_LE(first) : first) <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Finds BLOCK in one page. *RET_NEXT is the first block after it that the page names, or the given
 * value stays.
 */
static gboolean page_lookup(VkMap *map, const VkSegment *segment, guint number, guint32 block,
			    VkExtent *ret, gboolean *ret_found, guint32 *ret_next, GError **error)
{
	Page page = {0};
	guint n;
	gboolean ok = TRUE;

	if (!load_page(map, segment, number, &page, error))
		return FALSE;
	n = count_not_after(page.extents, sizeof(VkPageExtent), page.n_extents, block, TRUE);
	if (n > 0) {
		ok = page_extent(&page, segment, n - 1, ret, error);
		*ret_found = ok && block - ret->first < ret->count;
	}
	if (n < page.n_extents)
		*ret_next = MIN(*ret_next, GUINT32_FROM_LE(page.extents[n].first));
	g_bytes_unref(page.bytes);
	return ok;
}

static gboolean segment_lookup(VkMap *map, const VkSegment *segment, guint32 block, VkExtent *ret,
			       gboolean *ret_found, guint32 *ret_next, GError **error)
{
	g_autoptr(GBytes) directory = vk_block_cache_get(map->cache, &segment->pack, segment->slot,
							 VK_SLOT_KIND_DIRECTORY, error);
	const guint32 *firsts;
	gsize size;
	guint n;

	if (!directory)
		return FALSE;
	firsts = g_bytes_get_data(directory, &size);
	if (size != segment->pages * sizeof(*firsts))
		return damaged(segment, "not a directory of its pages", error);
	n = count_not_after(firsts, sizeof(*firsts), segment->pages, block, TRUE);
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
	guint n = n_segments == 0 ? 0
				  : count_not_after(&segments[0].first_block, sizeof(VkSegment),
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
