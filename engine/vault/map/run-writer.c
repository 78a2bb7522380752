/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-writer.h"

#include "map-walk.h"
#include "pack-id.h"

#include <string.h>

struct VkRunWriter {
	VkSegmentFunc store;
	gpointer user;
	VkRun *run;
	VkExtent pending; /* count 0: none */
	/* The page being filled. */
	GArray *extents;          /* VkPageExtent, in disk order of bytes */
	GArray *packs;            /* VkPackId */
	GHashTable *pack_numbers; /* VkPackId, owned -> index in PACKS */
	guint32 page_first, page_last;
	/* The segment being filled. */
	GPtrArray *pages; /* GBytes */
	GArray *firsts;   /* guint32, little-endian */
	guint32 segment_first;
};

VkRunWriter *vk_run_writer_new(VkSegmentFunc store, gpointer user)
{
	VkRunWriter *writer = g_new0(VkRunWriter, 1);

	writer->store = store;
	writer->user = user;
	writer->run = vk_run_new();
	writer->run->data_blocks = 0;
	writer->extents = g_array_new(FALSE, FALSE, sizeof(VkPageExtent));
	writer->packs = g_array_new(FALSE, FALSE, sizeof(VkPackId));
	writer->pack_numbers =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);
	writer->pages = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	writer->firsts = g_array_new(FALSE, FALSE, sizeof(guint32));
	return writer;
}

void vk_run_writer_free(VkRunWriter *writer)
{
	if (!writer)
		return;
	vk_run_free(writer->run);
	g_array_unref(writer->extents);
	g_array_unref(writer->packs);
	g_hash_table_unref(writer->pack_numbers);
	g_ptr_array_unref(writer->pages);
	g_array_unref(writer->firsts);
	g_free(writer);
}

static void close_page(VkRunWriter *writer)
{
	gsize extents_size = writer->extents->len * sizeof(VkPageExtent);
	gsize packs_size = writer->packs->len * sizeof(VkPackId);
	gsize size = sizeof(VkPageHeader) + extents_size + packs_size;
	guint8 *page = g_malloc(size);
	guint32 first = GUINT32_TO_LE(writer->page_first);
	VkPageHeader header = {
		.magic = GUINT32_TO_LE(VK_PAGE_MAGIC),
		.version = GUINT16_TO_LE(VK_FORMAT_VERSION),
		.extents = GUINT16_TO_LE((guint16)writer->extents->len),
		.first_block = first,
		.last_block = GUINT32_TO_LE(writer->page_last),
		.packs = GUINT16_TO_LE((guint16)writer->packs->len),
	};

	memcpy(page, &header, sizeof(header));
	memcpy(page + sizeof(header), writer->extents->data, extents_size);
	if (packs_size)
		memcpy(page + sizeof(header) + extents_size, writer->packs->data, packs_size);
	if (writer->pages->len == 0)
		writer->segment_first = writer->page_first;
	g_ptr_array_add(writer->pages, g_bytes_new_take(page, size));
	g_array_append_val(writer->firsts, first);
	g_array_set_size(writer->extents, 0);
	g_array_set_size(writer->packs, 0);
	g_hash_table_remove_all(writer->pack_numbers);
}

static gboolean close_segment(VkRunWriter *writer, gboolean last, GError **error)
{
	VkSegment segment = {
		.pages = writer->pages->len,
		.first_block = writer->segment_first,
		.last_block = writer->page_last,
	};
	gsize directory_size = writer->firsts->len * sizeof(guint32);

	g_ptr_array_insert(writer->pages, 0, g_bytes_new(writer->firsts->data, directory_size));
	if (!writer->store(writer->user, writer->pages, last, &segment.pack, &segment.slot, error))
		return FALSE;
	g_array_append_val(writer->run->segments, segment);
	g_ptr_array_set_size(writer->pages, 0);
	g_array_set_size(writer->firsts, 0);
	return TRUE;
}

static gboolean page_has_room(const VkRunWriter *writer)
{
	/* The next extent may bring a new pack. */
	gsize size = sizeof(VkPageHeader) + (writer->extents->len + 1) * sizeof(VkPageExtent) +
		     (writer->packs->len + 1) * sizeof(VkPackId);

	return size <= VK_PAGE_SIZE;
}

static guint32 pack_number(VkRunWriter *writer, const VkPackId *pack)
{
	gpointer number;

	if (g_hash_table_lookup_extended(writer->pack_numbers, pack, NULL, &number))
		return GPOINTER_TO_UINT(number);
	g_array_append_val(writer->packs, *pack);
	g_hash_table_insert(writer->pack_numbers, g_memdup2(pack, sizeof(*pack)),
			    GUINT_TO_POINTER(writer->packs->len - 1));
	return writer->packs->len - 1;
}

static gboolean write_pending(VkRunWriter *writer, GError **error)
{
	const VkExtent *extent = &writer->pending;
	VkPageExtent stored = {
		.first = GUINT32_TO_LE(extent->first),
		.count_kind = GUINT32_TO_LE(extent->count | (guint32)extent->kind
								    << VK_EXTENT_KIND_SHIFT),
	};

	if (extent->count == 0)
		return TRUE;
	if (!page_has_room(writer)) {
		close_page(writer);
		if (writer->pages->len == VK_SEGMENT_PAGES_MAX &&
		    !close_segment(writer, FALSE, error))
			return FALSE;
	}
	if (writer->extents->len == 0)
		writer->page_first = extent->first;
	writer->page_last = extent->first + (extent->count - 1);
	if (extent->kind == VK_EXTENT_DATA) {
		stored.pack = GUINT32_TO_LE(pack_number(writer, &extent->pack));
		stored.slot = GUINT32_TO_LE(extent->slot);
	}
	g_array_append_val(writer->extents, stored);
	writer->run->extents++;
	writer->pending.count = 0;
	return TRUE;
}

gboolean vk_run_writer_add(VkRunWriter *writer, const VkExtent *extent, GError **error)
{
	VkExtent rest = *extent;

	if (extent->kind == VK_EXTENT_DATA)
		writer->run->data_blocks += extent->count;
	if (vk_extent_continues(&writer->pending, extent)) {
		writer->pending.count += extent->count;
		return TRUE;
	}
	/* Only holes and zeros can be longer than an extent can say. */
	while (rest.count > 0) {
		if (!write_pending(writer, error))
			return FALSE;
		writer->pending = rest;
		writer->pending.count = MIN(rest.count, VK_EXTENT_BLOCKS_MAX);
		rest.first += writer->pending.count;
		rest.count -= writer->pending.count;
	}
	return TRUE;
}

VkRun *vk_run_writer_finish(VkRunWriter *writer, GError **error)
{
	if (!write_pending(writer, error))
		return NULL;
	if (writer->extents->len > 0)
		close_page(writer);
	if (writer->pages->len > 0 && !close_segment(writer, TRUE, error))
		return NULL;
	return g_steal_pointer(&writer->run);
}

gboolean vk_run_writer_add_map(VkRunWriter *writer, VkMap *map, gboolean whole,
			       gboolean *ret_unreadable, GError **error)
{
	g_autoptr(VkMapWalk) walk = vk_map_walk_new(map);
	VkExtent extent;
	gboolean present;

	do {
		if (!vk_map_walk_next(walk, &extent, &present, error)) {
			*ret_unreadable = TRUE;
			return FALSE;
		}
		if (present && !(whole && extent.kind == VK_EXTENT_HOLE) &&
		    !vk_run_writer_add(writer, &extent, error))
			return FALSE;
	} while (extent.count > 0);
	return TRUE;
}
