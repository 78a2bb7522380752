/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-change.h"

#include "map.h"
#include "vault-parts.h"

#include <string.h>

/* An image, and its newest runs alone, which the other image has not. */
typedef struct Side {
	VkMap *whole;
	GPtrArray *head_runs; /* borrowed runs */
	VkMap *head;
} Side;

struct VkImageChange {
	gboolean has_base;
	Side image, base;
};

/* The same pages: what is in them never changes. */
static gboolean is_same_run(const VkRun *one, const VkRun *other)
{
	const GArray *left = one->segments, *right = other->segments;

	if (left->len != right->len)
		return FALSE;
	for (guint i = 0; i < left->len; i++) {
		const VkSegment *a = &g_array_index(left, VkSegment, i);
		const VkSegment *b = &g_array_index(right, VkSegment, i);

		if (memcmp(&a->pack, &b->pack, sizeof(a->pack)) != 0 || a->slot != b->slot ||
		    a->pages != b->pages)
			return FALSE;
	}
	return TRUE;
}

/* How many of the oldest runs both have. */
static guint count_common(const GPtrArray *one, const GPtrArray *other)
{
	guint n = 0;

	while (n < MIN(one->len, other->len) &&
	       is_same_run(one->pdata[one->len - 1 - n], other->pdata[other->len - 1 - n]))
		n++;
	return n;
}

static Side side_new(VkVault *vault, const VkImageRecord *image, guint common)
{
	guint32 blocks = vk_blocks_of_size(image->size);
	Side side = {.head_runs = g_ptr_array_new()};

	for (guint i = 0; i + common < image->runs->len; i++)
		g_ptr_array_add(side.head_runs, image->runs->pdata[i]);
	side.whole = vk_map_new(vault->blocks, image->runs, blocks);
	side.head = vk_map_new(vault->blocks, side.head_runs, blocks);
	return side;
}

static void side_clear(Side *side)
{
	vk_map_free(side->whole);
	vk_map_free(side->head);
	if (side->head_runs)
		g_ptr_array_unref(side->head_runs);
}

VkImageChange *vk_image_change_new(VkVault *vault, const VkImageRecord *image,
				   const VkImageRecord *base)
{
	VkImageChange *change = g_new0(VkImageChange, 1);
	guint common = base ? count_common(image->runs, base->runs) : 0;

	g_assert(!base || base->size == image->size);
	change->has_base = base != NULL;
	change->image = side_new(vault, image, common);
	if (base)
		change->base = side_new(vault, base, common);
	return change;
}

void vk_image_change_free(VkImageChange *change)
{
	if (!change)
		return;
	side_clear(&change->image);
	side_clear(&change->base);
	g_free(change);
}

/* What is lost in both is read, and that says so. */
static gboolean is_same_place(const VkExtent *one, const VkExtent *other)
{
	return one->kind == other->kind && one->kind != VK_EXTENT_DAMAGED &&
	       (one->kind != VK_EXTENT_DATA ||
		(one->slot == other->slot &&
		 memcmp(&one->pack, &other->pack, sizeof(one->pack)) == 0));
}

/* For how many blocks neither has a run of its own: *RET_COUNT; 0: one has. */
static gboolean count_untouched(const VkImageChange *change, guint32 block, guint32 *ret_count,
				GError **error)
{
	VkExtent one, other;
	gboolean has_one, has_other;

	*ret_count = 0;
	if (!vk_map_lookup(change->image.head, block, &one, &has_one, error) ||
	    !vk_map_lookup(change->base.head, block, &other, &has_other, error))
		return FALSE;
	if (!has_one && !has_other)
		*ret_count = MIN(one.count, other.count);
	return TRUE;
}

gboolean vk_image_change_look(VkImageChange *change, guint32 block, VkExtent *ret,
			      gboolean *ret_same, GError **error)
{
	gboolean present;
	VkExtent other;
	guint32 untouched;

	*ret_same = FALSE;
	if (!change->has_base)
		return vk_map_lookup(change->image.whole, block, ret, &present, error);
	if (!count_untouched(change, block, &untouched, error))
		return FALSE;
	if (untouched > 0) {
		*ret = (VkExtent){.first = block, .count = untouched};
		*ret_same = TRUE;
		return TRUE;
	}
	if (!vk_map_lookup(change->image.whole, block, ret, &present, error) ||
	    !vk_map_lookup(change->base.whole, block, &other, &present, error))
		return FALSE;
	ret->count = MIN(ret->count, other.count);
	*ret_same = is_same_place(ret, &other);
	return TRUE;
}
