/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which bytes of the snapshots' images cannot be read. */
#include "check-priv.h"

#include "catalog.h"
#include "interrupt.h"
#include "map.h"
#include "text.h"
#include "vault-parts.h"

/* Of an image that is damaged everywhere not every range is listed. */
#define RANGES_MAX 100u

/* The ranges of an image, in their order. */
typedef struct Ranges {
	VkCheck *check;
	const VkCheckPlace *image;
	guint64 size;       /* of the image */
	guint64 first, end; /* blocks of the range that is not reported yet; empty: none */
	guint count;        /* of the reported ones, and those that are only counted */
	guint64 more_bytes; /* of the latter */
} Ranges;

static void end_range(Ranges *ranges)
{
	VkCheckPlace place = *ranges->image;
	g_autofree char *what = NULL;

	if (ranges->end == ranges->first)
		return;
	place.offset = ranges->first * VK_BLOCK_SIZE;
	place.length = MIN(ranges->end * VK_BLOCK_SIZE, ranges->size) - place.offset;
	ranges->first = ranges->end = 0;
	if (ranges->count++ >= RANGES_MAX) {
		ranges->more_bytes += place.length;
		return;
	}
	what = g_strdup_printf("bytes %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
			       " cannot be read",
			       place.offset, place.offset + place.length - 1);
	vk_check_report(ranges->check, &place, what);
}

static void add_block(Ranges *ranges, guint32 block)
{
	if (ranges->end != block)
		end_range(ranges);
	if (ranges->end == ranges->first)
		ranges->first = block;
	ranges->end = (guint64)block + 1;
}

static void add_extent(Ranges *ranges, const VkExtent *extent)
{
	VkSlots bad;

	if (extent->kind != VK_EXTENT_DAMAGED &&
	    (extent->kind != VK_EXTENT_DATA ||
	     !vk_slot_set_of_pack(ranges->check->bad, &extent->pack, &bad)))
		return;
	for (guint32 i = 0; i < extent->count; i++)
		if (extent->kind == VK_EXTENT_DAMAGED || vk_slots_have(&bad, extent->slot + i))
			add_block(ranges, extent->first + i);
}

static void report_more(const Ranges *ranges)
{
	guint more = ranges->count - MIN(ranges->count, RANGES_MAX);
	g_autofree char *count = vk_count_text(more, "more range");
	g_autofree char *what =
		g_strdup_printf("%s of it cannot be read, %" G_GUINT64_FORMAT " bytes in all",
				count, ranges->more_bytes);

	if (more > 0)
		vk_check_report(ranges->check, ranges->image, what);
}

/* Damage of its map was reported before. */
static void report_ranges(VkCheck *check, const VkCheckPlace *place, const VkImageRecord *record)
{
	guint32 blocks = vk_blocks_of_size(record->size);
	g_autoptr(VkMap) map = vk_map_new(check->vault->blocks, record->runs, blocks);
	Ranges ranges = {.check = check, .image = place, .size = record->size};
	VkExtent extent;
	gboolean present;

	for (guint32 block = 0; block < blocks && !vk_interrupted(); block += extent.count) {
		if (!vk_map_lookup(map, block, &extent, &present, NULL))
			break;
		add_extent(&ranges, &extent);
	}
	end_range(&ranges);
	report_more(&ranges);
}

void vk_check_name_ranges(VkCheck *check, const GPtrArray *keys)
{
	for (guint i = 0; i < keys->len && !vk_interrupted(); i++) {
		g_autoptr(VkSnapshot) snapshot =
			vk_catalog_load(check->vault, keys->pdata[i], NULL);

		if (snapshot)
			vk_check_visit_images(check, snapshot, report_ranges);
	}
}
