/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "map-page-priv.h"

#include "errors.h"

#include <string.h>

gboolean vk_map_fail_damaged(const VkSegment *segment, const char *what, GError **error)
{
	char hex[33];

	vk_pack_id_format(&segment->pack, hex);
	return vk_fail(error, VK_ERROR_DAMAGE, "the map in pack '%s' is damaged: %s", hex, what);
}

/* The bytes were verified by their checksum; this guards against a page that lies about itself. */
gboolean vk_map_page_load(VkBlockCache *cache, const VkSegment *segment, guint number,
			  VkMapPage *page, GError **error)
{
	const VkPageHeader *header;
	gsize size;

	page->bytes = vk_block_cache_get(cache, &segment->pack, segment->slot + 1 + number,
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
		return vk_map_fail_damaged(segment, "not a map page", error);
	}
	page->extents = (const VkPageExtent *)(header + 1);
	page->packs = (const VkPackId *)(page->extents + page->n_extents);
	return TRUE;
}

void vk_map_page_clear(VkMapPage *page)
{
	g_clear_pointer(&page->bytes, g_bytes_unref);
}

gboolean vk_map_page_extent(const VkMapPage *page, const VkSegment *segment, guint i, VkExtent *ret,
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
		return vk_map_fail_damaged(segment, "an extent out of bounds", error);
	if (ret->kind == VK_EXTENT_DATA)
		ret->pack = page->packs[pack];
	return TRUE;
}

guint vk_map_count_not_after(gconstpointer firsts, gsize stride, guint n, guint32 block,
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

GBytes *vk_map_directory_load(VkBlockCache *cache, const VkSegment *segment, GError **error)
{
	GBytes *directory = vk_block_cache_get(cache, &segment->pack, segment->slot,
					       VK_SLOT_KIND_DIRECTORY, error);

	if (directory && g_bytes_get_size(directory) != segment->pages * sizeof(guint32)) {
		g_bytes_unref(directory);
		vk_map_fail_damaged(segment, "not a directory of its pages", error);
		return NULL;
	}
	return directory;
}
