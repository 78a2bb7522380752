/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories and pages of a map. A lookup and a walk of any pages end, go forward, and name only
 * addresses that can be. The input: how many pages each of two runs has, their lengths, the blocks
 * that the image has, and then the bytes of the directories and the pages.
 */
#include "block-cache.h"
#include "fuzz.h"
#include "input-store.h"
#include "map-walk.h"
#include "run.h"

#include <string.h>

#define PAGES_MAX 4u
#define STEPS_MAX 4096u

static const VkPackContext context = {.vault_id = "vault-id-16bytes"};

typedef struct Input {
	const uint8_t *at;
	size_t left;
} Input;

static void take(Input *input, void *to, size_t length)
{
	size_t n = MIN(length, input->left);

	memset(to, 0, length);
	if (n > 0)
		memcpy(to, input->at, n);
	input->at += n;
	input->left -= n;
}

/* Gives the CACHE a slot with the next LENGTH bytes, as far as there are any. */
static void pin(VkBlockCache *cache, const VkPackId *pack, guint32 slot, Input *input, gsize length)
{
	g_autoptr(GBytes) bytes = g_bytes_new(input->at, MIN(length, input->left));

	input->at += g_bytes_get_size(bytes);
	input->left -= g_bytes_get_size(bytes);
	vk_block_cache_pin(cache, pack, slot, bytes);
}

static VkRun *take_run(VkBlockCache *cache, Input *input)
{
	VkSegment segment = {.pack = vk_pack_id_random()};
	VkRun *run = vk_run_new();
	guint8 pages;
	guint16 lengths[PAGES_MAX];

	take(input, &pages, sizeof(pages));
	take(input, lengths, sizeof(lengths));
	take(input, &segment.first_block, sizeof(segment.first_block));
	take(input, &segment.last_block, sizeof(segment.last_block));
	segment.pages = 1 + pages % PAGES_MAX;
	pin(cache, &segment.pack, 0, input, segment.pages * sizeof(guint32));
	for (guint i = 0; i < segment.pages; i++)
		pin(cache, &segment.pack, 1 + i, input, GUINT16_FROM_LE(lengths[i]));
	g_array_append_val(run->segments, segment);
	return run;
}

static void check(const VkExtent *extent, guint32 block, guint32 blocks)
{
	g_assert(extent->first == block);
	g_assert(extent->count > 0 && extent->count <= blocks - block);
	g_assert(extent->kind <= VK_EXTENT_DAMAGED);
	g_assert(extent->kind != VK_EXTENT_DATA || extent->slot + extent->count <= VK_SLOTS_MAX);
}

static void look_up_all(VkMap *map, guint32 blocks)
{
	guint32 block = 0;

	for (guint i = 0; block < blocks && i < STEPS_MAX; i++) {
		VkExtent extent;
		gboolean present;

		if (!vk_map_lookup(map, block, &extent, &present, NULL))
			return;
		check(&extent, block, blocks);
		block += extent.count;
	}
}

static void walk_all(VkMap *map, guint32 blocks)
{
	g_autoptr(VkMapWalk) walk = vk_map_walk_new(map);
	VkExtent extent;
	gboolean present;
	guint32 block = 0;

	while (vk_map_walk_next(walk, &extent, &present, NULL) && extent.count > 0) {
		check(&extent, block, blocks);
		block += extent.count;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input input = {data, size};
	VkStore *store = input_store_new();
	VkPackCache *packs = vk_pack_cache_new(store, &context);
	VkBlockCache *cache = vk_block_cache_new(packs);
	g_autoptr(GPtrArray) runs = vk_runs_new();
	guint32 blocks;

	take(&input, &blocks, sizeof(blocks));
	g_ptr_array_add(runs, take_run(cache, &input));
	g_ptr_array_add(runs, take_run(cache, &input));
	g_autoptr(VkMap) map = vk_map_new(cache, runs, blocks);
	look_up_all(map, blocks);
	walk_all(map, blocks);
	vk_block_cache_free(cache);
	vk_pack_cache_free(packs);
	store->ops->free(store);
	return 0;
}
