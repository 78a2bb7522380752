/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "same-disks.h"

#include <string.h>

static gboolean is_same_segment(const VkSegment *one, const VkSegment *other)
{
	return memcmp(&one->pack, &other->pack, sizeof(one->pack)) == 0 &&
	       one->slot == other->slot && one->pages == other->pages &&
	       one->first_block == other->first_block && one->last_block == other->last_block;
}

static gboolean is_same_run(const VkRun *one, const VkRun *other)
{
	if (one->segments->len != other->segments->len)
		return FALSE;
	for (guint i = 0; i < one->segments->len; i++)
		if (!is_same_segment(&g_array_index(one->segments, VkSegment, i),
				     &g_array_index(other->segments, VkSegment, i)))
			return FALSE;
	return TRUE;
}

/* An address never means other bytes, so the same runs are the same image. */
static gboolean is_same_image(const VkImageRecord *one, const VkImageRecord *other)
{
	if (one->size != other->size || !one->runs || !other->runs ||
	    one->runs->len != other->runs->len)
		return FALSE;
	for (guint i = 0; i < one->runs->len; i++)
		if (!is_same_run(g_ptr_array_index(one->runs, i),
				 g_ptr_array_index(other->runs, i)))
			return FALSE;
	return TRUE;
}

gboolean vk_same_disks(const VkSnapshot *one, const VkSnapshot *other)
{
	if (one->disks->len != other->disks->len)
		return FALSE;
	for (guint i = 0; i < one->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(one->disks, i);
		const VkDiskRecord *same = g_ptr_array_index(other->disks, i);

		if (strcmp(disk->target, same->target) != 0 ||
		    !is_same_image(disk->image, same->image))
			return FALSE;
	}
	return TRUE;
}
