/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image is a list of runs, of which each hides what it names from the ones behind it. The
 * snapshots of a guest share the end of the list. What can be reached through an end that was
 * walked as an image of its own is marked, so only the runs before it are walked. Without the older
 * snapshot, the end is walked with the newer runs before it: what they hide is garbage.
 */
#include "mark.h"

#include "map-walk.h"
#include "vault-parts.h"

#include "errors.h"
#include "interrupt.h"

struct VkMark {
	VkVault *vault;
	VkSlotSet *slots;
	char *uuid;         /* of the guest that WALKED and RUNS are of; NULL: none yet */
	GHashTable *walked; /* digest of a list of runs, owned: all that it reaches is marked */
	GHashTable *runs;   /* digest of a run, owned: its pages are marked */
};

VkMark *vk_mark_new(VkVault *vault)
{
	VkMark *mark = g_new0(VkMark, 1);

	mark->vault = vault;
	mark->slots = vk_slot_set_new();
	mark->walked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	mark->runs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return mark;
}

void vk_mark_free(VkMark *mark)
{
	if (!mark)
		return;
	vk_slot_set_free(mark->slots);
	g_free(mark->uuid);
	g_hash_table_unref(mark->walked);
	g_hash_table_unref(mark->runs);
	g_free(mark);
}

const VkSlotSet *vk_mark_slots(const VkMark *mark)
{
	return mark->slots;
}

static void digest_number(GChecksum *digest, guint32 number)
{
	g_checksum_update(digest, (const guchar *)&number, sizeof(number));
}

/*
 * Addresses never change their content, so they tell runs apart. All that a segment says goes in,
 * for a snapshot object that is wrong must not hide what a right one names.
 */
static void digest_run(GChecksum *digest, const VkRun *run)
{
	digest_number(digest, run->segments->len);
	for (guint i = 0; i < run->segments->len; i++) {
		const VkSegment *segment = &g_array_index(run->segments, VkSegment, i);

		g_checksum_update(digest, segment->pack.bytes, VK_ID_SIZE);
		digest_number(digest, segment->slot);
		digest_number(digest, segment->pages);
		digest_number(digest, segment->first_block);
		digest_number(digest, segment->last_block);
	}
}

/* Of COUNT runs from number FIRST on. New string. */
static char *digest_runs(const GPtrArray *runs, guint first, guint count)
{
	g_autoptr(GChecksum) digest = g_checksum_new(G_CHECKSUM_SHA256);

	for (guint i = first; i < first + count; i++)
		digest_run(digest, runs->pdata[i]);
	return g_strdup(g_checksum_get_string(digest));
}

static gboolean is_walked(const VkMark *mark, const GPtrArray *runs, guint first)
{
	g_autofree char *digest = digest_runs(runs, first, runs->len - first);

	return g_hash_table_contains(mark->walked, digest);
}

/* All pages: a lookup passes through those whose extents are hidden as well. */
static gboolean mark_pages(VkMark *mark, const GPtrArray *runs, GError **error)
{
	for (guint i = 0; i < runs->len; i++) {
		const VkRun *run = runs->pdata[i];

		if (!g_hash_table_add(mark->runs, digest_runs(runs, i, 1)))
			continue;
		for (guint j = 0; j < run->segments->len; j++) {
			const VkSegment *segment = &g_array_index(run->segments, VkSegment, j);

			if (segment->slot + segment->pages >= VK_SLOTS_MAX)
				return vk_fail(error, VK_ERROR_DAMAGE,
					       "a map lies beyond the end of its pack");
			vk_slot_set_add(mark->slots, &segment->pack, segment->slot,
					1 + segment->pages);
		}
	}
	return TRUE;
}

/* Not the size of the image: a larger one may share its runs. */
static guint32 count_blocks(const GPtrArray *runs)
{
	guint32 blocks = 0;

	for (guint i = 0; i < runs->len; i++) {
		const GArray *segments = ((VkRun *)runs->pdata[i])->segments;

		if (segments->len > 0)
			blocks = MAX(
				blocks,
				g_array_index(segments, VkSegment, segments->len - 1).last_block +
					1);
	}
	return blocks;
}

/* Marks the data that the first COUNT of RUNS name. */
static gboolean mark_data(VkMark *mark, GPtrArray *runs, guint count, GError **error)
{
	g_autoptr(GPtrArray) upper = g_ptr_array_new();
	g_autoptr(VkMap) map = NULL;
	g_autoptr(VkMapWalk) walk = NULL;
	VkExtent extent;
	gboolean present;

	for (guint i = 0; i < count; i++)
		g_ptr_array_add(upper, runs->pdata[i]);
	map = vk_map_new(mark->vault->blocks, upper, count_blocks(upper));
	walk = vk_map_walk_new(map);
	do {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!vk_map_walk_next(walk, &extent, &present, error))
			return FALSE;
		if (extent.kind == VK_EXTENT_DATA)
			vk_slot_set_add(mark->slots, &extent.pack, extent.slot, extent.count);
	} while (extent.count > 0);
	return TRUE;
}

static gboolean mark_runs(VkMark *mark, GPtrArray *runs, GError **error)
{
	guint above = 0; /* how many runs lie above what is marked already */

	while (above < runs->len && !is_walked(mark, runs, above))
		above++;
	if (above == 0)
		return TRUE;
	if (!mark_pages(mark, runs, error) || !mark_data(mark, runs, above, error))
		return FALSE;
	g_hash_table_add(mark->walked, digest_runs(runs, 0, runs->len));
	return TRUE;
}

static gboolean mark_image(VkMark *mark, const VkSnapshot *snapshot, const char *name,
			   const VkImageRecord *image, GError **error)
{
	if (!image->runs || mark_runs(mark, image->runs, error))
		return TRUE;
	g_prefix_error(error, "'%s' of the snapshot '%s@%s': ", name, snapshot->name,
		       snapshot->time);
	return FALSE;
}

/* The snapshots of other guests rarely share runs with it, and would be marked twice then. */
static void turn_to_guest(VkMark *mark, const char *uuid)
{
	if (g_strcmp0(mark->uuid, uuid) == 0)
		return;
	g_free(mark->uuid);
	mark->uuid = g_strdup(uuid);
	g_hash_table_remove_all(mark->walked);
	g_hash_table_remove_all(mark->runs);
}

gboolean vk_mark_add_snapshot(VkMark *mark, const VkSnapshot *snapshot, GError **error)
{
	turn_to_guest(mark, snapshot->uuid);
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = snapshot->disks->pdata[i];

		if (!mark_image(mark, snapshot, disk->target, disk->image, error))
			return FALSE;
	}
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = snapshot->files->pdata[i];

		if (!mark_image(mark, snapshot, file->name, file->image, error))
			return FALSE;
	}
	return TRUE;
}
