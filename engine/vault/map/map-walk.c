/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "map-walk.h"

#include "map-page-priv.h"
#include "map-priv.h"

/* Where the walk is in one run. */
typedef struct RunWalk {
	const VkRun *run;
	const VkSegment *segment; /* of DIRECTORY and PAGE */
	GBytes *directory;        /* NULL: none is loaded */
	VkMapPage page;
	guint number;    /* of PAGE in the segment */
	guint64 end;     /* the block behind what PAGE may name */
	guint next;      /* extent of the page */
	VkExtent extent; /* the one before; count 0: none */
} RunWalk;

struct VkMapWalk {
	const VkMap *map;
	RunWalk *runs; /* as many as the map has, newest first */
	guint32 block; /* that comes next */
};

VkMapWalk *vk_map_walk_new(const VkMap *map)
{
	VkMapWalk *walk = g_new0(VkMapWalk, 1);

	walk->map = map;
	walk->runs = g_new0(RunWalk, map->runs->len);
	for (guint i = 0; i < map->runs->len; i++)
		walk->runs[i].run = map->runs->pdata[i];
	return walk;
}

void vk_map_walk_free(VkMapWalk *walk)
{
	if (!walk)
		return;
	for (guint i = 0; i < walk->map->runs->len; i++) {
		vk_map_page_clear(&walk->runs[i].page);
		g_clear_pointer(&walk->runs[i].directory, g_bytes_unref);
	}
	g_free(walk->runs);
	g_free(walk);
}

/* Finds the segment of BLOCK, NULL: none. *RET_NEXT: as of turn_page(). */
static const VkSegment *find_segment(const VkRun *run, guint32 block, guint32 *ret_next)
{
	const VkSegment *segments = (const VkSegment *)(gconstpointer)run->segments->data;
	guint n = run->segments->len == 0
			  ? 0
			  : vk_map_count_not_after(&segments[0].first_block, sizeof(VkSegment),
						   run->segments->len, block, FALSE);

	if (n < run->segments->len)
		*ret_next = MIN(*ret_next, segments[n].first_block);
	return n == 0 || block > segments[n - 1].last_block ? NULL : &segments[n - 1];
}

/*
 * Turns to the page that may name BLOCK. *RET_TURNED is FALSE when there is none, or it is the one
 * at hand. *RET_NEXT becomes the first block of a later page, if that is less.
 */
static gboolean turn_page(RunWalk *walk, VkBlockCache *cache, guint32 block, gboolean *ret_turned,
			  guint32 *ret_next, GError **error)
{
	const VkSegment *segment = find_segment(walk->run, block, ret_next);
	gboolean is_at_hand = segment && segment == walk->segment;
	const guint32 *firsts;
	guint n;

	*ret_turned = FALSE;
	if (!segment)
		return TRUE;
	if (!is_at_hand) {
		vk_map_page_clear(&walk->page);
		g_clear_pointer(&walk->directory, g_bytes_unref);
		walk->segment = segment;
		walk->directory = vk_map_directory_load(cache, segment, error);
	}
	if (!walk->directory)
		return FALSE;
	firsts = g_bytes_get_data(walk->directory, NULL);
	n = vk_map_count_not_after(firsts, sizeof(*firsts), segment->pages, block, TRUE);
	if (n < segment->pages)
		*ret_next = MIN(*ret_next, GUINT32_FROM_LE(firsts[n]));
	if (n == 0 || (walk->page.bytes && walk->number == n - 1))
		return TRUE;
	vk_map_page_clear(&walk->page);
	if (!vk_map_page_load(cache, segment, n - 1, &walk->page, error))
		return FALSE;
	walk->number = n - 1;
	walk->end = n < segment->pages ? GUINT32_FROM_LE(firsts[n]) : segment->last_block + 1ull;
	n = vk_map_count_not_after(walk->page.extents, sizeof(VkPageExtent), walk->page.n_extents,
				   block, TRUE);
	walk->next = n == 0 ? 0 : n - 1;
	walk->extent.count = 0;
	*ret_turned = TRUE;
	return TRUE;
}

static gboolean next_in_page(RunWalk *walk, GError **error)
{
	guint32 end = walk->extent.first + walk->extent.count;

	if (!vk_map_page_extent(&walk->page, walk->segment, walk->next++, &walk->extent, error))
		return FALSE;
	if (walk->extent.first < end)
		return vk_map_fail_damaged(walk->segment, "its extents are not in order", error);
	return (guint64)walk->extent.first + walk->extent.count <= walk->end ||
	       vk_map_fail_damaged(walk->segment, "an extent reaches into the next page", error);
}

/*
 * Whether the run names BLOCK: *RET_FOUND, by its extent then. If not, *RET_NEXT becomes the first
 * block after it that the run may name, if that is less.
 */
static gboolean find_in_run(RunWalk *walk, VkBlockCache *cache, guint32 block, gboolean *ret_found,
			    guint32 *ret_next, GError **error)
{
	*ret_found = FALSE;
	for (;;) {
		const VkExtent *extent = &walk->extent;
		gboolean turned;

		if (extent->count > 0 && block < extent->first) {
			*ret_next = MIN(*ret_next, extent->first);
			return TRUE;
		}
		*ret_found = extent->count > 0 && block - extent->first < extent->count;
		if (*ret_found)
			return TRUE;
		if (walk->page.bytes && walk->next < walk->page.n_extents) {
			if (!next_in_page(walk, error))
				return FALSE;
			continue;
		}
		if (!turn_page(walk, cache, block, &turned, ret_next, error))
			return FALSE;
		if (!turned)
			return TRUE;
	}
}

gboolean vk_map_walk_next(VkMapWalk *walk, VkExtent *ret, gboolean *ret_present, GError **error)
{
	const VkMap *map = walk->map;
	guint32 block = walk->block, end = map->blocks;

	*ret = (VkExtent){.first = block, .kind = VK_EXTENT_HOLE};
	*ret_present = FALSE;
	for (guint i = 0; block < map->blocks && i < map->runs->len && !*ret_present; i++) {
		const VkExtent *extent = &walk->runs[i].extent;

		if (!find_in_run(&walk->runs[i], map->cache, block, ret_present, &end, error))
			return FALSE;
		if (!*ret_present)
			continue;
		end = MIN(end, extent->first + extent->count);
		*ret = *extent;
		ret->first = block;
		if (extent->kind == VK_EXTENT_DATA)
			ret->slot = extent->slot + (block - extent->first);
	}
	ret->count = end - block;
	walk->block = end;
	return TRUE;
}
