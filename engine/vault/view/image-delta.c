/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-delta.h"

#include "errors.h"
#include "interrupt.h"
#include "map-walk.h"
#include "vault-parts.h"

/* Changed blocks with less between them are one region: 1 MiB. */
#define GAP_BLOCKS 16u

/* Where one of the two walks is. */
typedef struct Side {
	VkMap *map;
	VkMapWalk *walk;
	VkExtent extent; /* what is left of it begins at the block that comes next */
} Side;

typedef struct Measure {
	VkImageDelta *change;
	guint64 first, end; /* of the region at hand, in blocks */
	guint64 changed;    /* blocks in it; 0: there is none */
} Measure;

static void side_open(Side *side, VkVault *vault, const VkImageRecord *record,
		      const GPtrArray *none)
{
	*side = (Side){.map = vk_map_new(vault->blocks, record ? record->runs : none,
					 record ? vk_blocks_of_size(record->size) : 0)};
	side->walk = vk_map_walk_new(side->map);
}

static void side_clear(Side *side)
{
	vk_map_walk_free(side->walk);
	vk_map_free(side->map);
}

/* Makes SIDE's extent begin at BLOCK. Behind its end an image is a hole. */
static gboolean side_move(Side *side, guint64 block, GError **error)
{
	VkExtent *extent = &side->extent;
	gboolean present;
	guint32 passed;

	while (extent->count == 0 || (guint64)extent->first + extent->count <= block) {
		if (!vk_map_walk_next(side->walk, extent, &present, error))
			return FALSE;
		if (extent->count == 0) {
			*extent = (VkExtent){.first = (guint32)block,
					     .count = G_MAXUINT32 - (guint32)block,
					     .kind = VK_EXTENT_HOLE};
			return TRUE;
		}
	}
	passed = (guint32)(block - extent->first);
	extent->first += passed;
	extent->count -= passed;
	extent->slot += extent->kind == VK_EXTENT_DATA ? passed : 0;
	return TRUE;
}

/* Puts the region at hand among the largest. */
static void end_region(Measure *measure)
{
	VkImageDelta *change = measure->change;
	guint64 changed = measure->changed << VK_BLOCK_LOG2;
	guint at = change->n_regions;

	if (measure->changed == 0)
		return;
	measure->changed = 0;
	while (at > 0 && change->regions[at - 1].changed < changed)
		at--;
	if (at >= VK_CHANGED_REGIONS_MAX)
		return;
	change->n_regions = MIN(change->n_regions + 1, VK_CHANGED_REGIONS_MAX);
	for (guint i = change->n_regions - 1; i > at; i--)
		change->regions[i] = change->regions[i - 1];
	change->regions[at] =
		(VkChangedRegion){.offset = measure->first << VK_BLOCK_LOG2,
				  .length = (measure->end - measure->first) << VK_BLOCK_LOG2,
				  .changed = changed};
}

static void add_changed(Measure *measure, guint64 block, guint64 count)
{
	if (measure->changed > 0 && block - measure->end > GAP_BLOCKS)
		end_region(measure);
	if (measure->changed == 0)
		measure->first = block;
	measure->end = block + count;
	measure->changed += count;
}

static gboolean is_data(const VkExtent *extent)
{
	return extent->kind == VK_EXTENT_DATA;
}

static gboolean is_same_slot(const VkExtent *left, const VkExtent *right)
{
	return left->slot == right->slot && vk_pack_id_equal(&left->pack, &right->pack);
}

static void compare(Measure *measure, const VkExtent *before, const VkExtent *now, guint64 block,
		    guint32 count)
{
	if (is_data(now)) {
		if (is_data(before) && is_same_slot(before, now))
			return;
		measure->change->written += (guint64)count << VK_BLOCK_LOG2;
	} else if (is_data(before)) {
		measure->change->cleared += (guint64)count << VK_BLOCK_LOG2;
	} else {
		return;
	}
	add_changed(measure, block, count);
}

static gboolean measure_sides(Side *before, Side *now, guint64 blocks, Measure *measure,
			      GError **error)
{
	for (guint64 block = 0; block < blocks;) {
		guint32 count;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!side_move(before, block, error) || !side_move(now, block, error))
			return FALSE;
		count = (guint32)MIN(MIN(before->extent.count, now->extent.count), blocks - block);
		compare(measure, &before->extent, &now->extent, block, count);
		block += count;
	}
	end_region(measure);
	return TRUE;
}

gboolean vk_image_delta_measure(VkVault *vault, const VkImageRecord *before,
				const VkImageRecord *now, VkImageDelta *ret, GError **error)
{
	g_autoptr(GPtrArray) none = vk_runs_new();
	Measure measure = {.change = ret};
	Side old, new;
	gboolean ok;

	*ret = (VkImageDelta){0};
	side_open(&old, vault, before, none);
	side_open(&new, vault, now, none);
	/* Like a disk that became smaller: what is gone is no change of what there is. */
	ok = measure_sides(&old, &new, vk_blocks_of_size(now->size), &measure, error);
	side_clear(&old);
	side_clear(&new);
	return ok;
}
