/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marking: exactly the slots that reading the marked snapshots takes, whatever runs they share and
 * in whatever order they are marked; what cannot be known is an error.
 */
#include "errors.h"
#include "generations.h"
#include "image-bed.h"
#include "map.h"
#include "mark.h"
#include "pack-name.h"
#include "interrupt.h"
#include "session-priv.h"
#include "vault-parts.h"

#include <string.h>

#define GENERATIONS 12
#define SIZE        (24u * 1024 * 1024 + 12345)

/* The slow and certain way: each block of each of the chosen snapshots is looked up. */
static VkSlotSet *expect(const gboolean *chosen)
{
	VkSlotSet *slots = vk_slot_set_new();

	for (guint i = 0; i < GENERATIONS; i++) {
		const VkImageRecord *image = image_of(snapshots[i]);
		guint32 blocks = vk_blocks_of_size(image->size);
		g_autoptr(VkMap) map = vk_map_new(vault->blocks, image->runs, blocks);

		for (guint32 block = 0; chosen[i] && block < blocks; block++) {
			VkExtent extent;
			gboolean present;

			ck_assert(vk_map_lookup(map, block, &extent, &present, NULL));
			if (extent.kind == VK_EXTENT_DATA)
				vk_slot_set_add(slots, &extent.pack, extent.slot, 1);
		}
		for (guint j = 0; chosen[i] && j < image->runs->len; j++) {
			const GArray *segments = ((VkRun *)image->runs->pdata[j])->segments;

			for (guint k = 0; k < segments->len; k++) {
				const VkSegment *segment = &g_array_index(segments, VkSegment, k);

				vk_slot_set_add(slots, &segment->pack, segment->slot,
						segment->pages + 1);
			}
		}
	}
	return slots;
}

static void check_equal(const VkSlotSet *a, const VkSlotSet *b)
{
	g_autoptr(GArray) packs = vk_pack_list(vault->store, NULL);

	ck_assert_uint_gt(packs->len, 0);
	ck_assert_uint_eq(vk_slot_set_count_packs(a), vk_slot_set_count_packs(b));
	for (guint i = 0; i < packs->len; i++) {
		const VkPackId *pack = &g_array_index(packs, VkPackId, i);
		VkSlots of_a, of_b;

		ck_assert_int_eq(vk_slot_set_of_pack(a, pack, &of_a),
				 vk_slot_set_of_pack(b, pack, &of_b));
		ck_assert(memcmp(&of_a, &of_b, sizeof(of_a)) == 0);
	}
}

START_TEST(exactly_what_is_referred_to_is_marked)
{
	save_generations(GENERATIONS, SIZE);
	for (guint round = 0; round < 40; round++) {
		gboolean chosen[GENERATIONS];
		guint start = (guint)g_rand_int_range(seeded, 0, GENERATIONS);
		guint step = round % 2 ? 5 : 7; /* neither divides GENERATIONS */
		g_autoptr(VkMark) mark = vk_mark_new(vault);
		g_autoptr(VkSlotSet) expected = NULL;

		for (guint i = 0; i < GENERATIONS; i++)
			chosen[i] = g_rand_int_range(seeded, 0, 3) == 0;
		for (guint i = 0; i < GENERATIONS; i++) {
			guint at = (start + i * step) % GENERATIONS;

			if (chosen[at])
				ck_assert(vk_mark_add_snapshot(mark, snapshots[at], NULL));
		}
		expected = expect(chosen);
		check_equal(vk_mark_slots(mark), expected);
	}
	drop_generations();
}
END_TEST

static guint reads;
static const VkStoreOps *uncounted;

static gboolean counted_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	reads++;
	return uncounted->get(store, name, offset, buf, length, error);
}

/* Without a cache of blocks. */
static VkVault *open_counted(VkStoreOps *counting)
{
	VkVault *fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);

	vk_vault_set_cache_size(fresh, 0);
	uncounted = fresh->store->ops;
	*counting = *uncounted;
	counting->get = counted_get;
	fresh->store->ops = counting;
	return fresh;
}

START_TEST(shared_runs_are_read_once)
{
	g_autoptr(VkVault) fresh = NULL;
	g_autoptr(VkMark) mark = NULL;
	VkStoreOps counting;

	save_generations(GENERATIONS, SIZE);
	fresh = open_counted(&counting);
	mark = vk_mark_new(fresh);
	ck_assert(vk_mark_add_snapshot(mark, snapshots[GENERATIONS - 2], NULL));
	reads = 0;
	ck_assert(vk_mark_add_snapshot(mark, snapshots[GENERATIONS - 2], NULL));
	ck_assert_uint_eq(reads, 0);
	fresh->store->ops = uncounted;
	drop_generations();
}
END_TEST

static void change(VkSegment *segment, int member)
{
	switch (member) {
	case 0:
		segment->pack.bytes[VK_ID_SIZE - 1] ^= 1;
		break;
	case 1:
		segment->slot++;
		break;
	case 2:
		segment->pages++;
		break;
	case 3:
		segment->first_block++;
		break;
	default:
		segment->last_block++;
		break;
	}
}

/* One that is wrong hides no other, whatever is wrong. */
START_TEST(runs_that_differ_are_told_apart)
{
	g_autoptr(VkVault) fresh = NULL;
	g_autoptr(VkMark) mark = NULL;
	VkStoreOps counting;
	const VkRun *run;

	save_generations(1, SIZE);
	fresh = open_counted(&counting);
	mark = vk_mark_new(fresh);
	ck_assert(vk_mark_add_snapshot(mark, snapshots[0], NULL));
	run = image_of(snapshots[0])->runs->pdata[0];
	change(&g_array_index(run->segments, VkSegment, 0), _i);
	reads = 0;
	ck_assert(!vk_mark_add_snapshot(mark, snapshots[0], NULL) || reads > 0);
	fresh->store->ops = uncounted;
	drop_generations();
}
END_TEST

/* Of which nothing can be said what it refers to. */
START_TEST(a_map_that_cannot_be_read_is_an_error)
{
	g_autoptr(VkMark) mark = NULL;
	g_autoptr(VkVault) fresh = NULL;
	g_autoptr(GError) error = NULL;
	const VkRun *run;
	g_autofree char *object = NULL;

	save_generations(GENERATIONS, SIZE);
	run = image_of(snapshots[3])->runs->pdata[0];
	object = vk_pack_object(&g_array_index(run->segments, VkSegment, 0).pack, 0);
	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);
	mark = vk_mark_new(fresh);
	ck_assert(!vk_mark_add_snapshot(mark, snapshots[3], &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, snapshots[3]->time));
	drop_generations();
}
END_TEST

START_TEST(an_interruption_is_no_mark)
{
	g_autoptr(VkMark) mark = vk_mark_new(vault);
	g_autoptr(GError) error = NULL;

	save_generations(GENERATIONS, SIZE);
	vk_set_interrupted(TRUE);
	ck_assert(!vk_mark_add_snapshot(mark, snapshots[0], &error));
	vk_set_interrupted(FALSE);
	ck_assert(vk_mark_add_snapshot(mark, snapshots[0], NULL));
	drop_generations();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, exactly_what_is_referred_to_is_marked);
	tcase_add_test(tcase, shared_runs_are_read_once);
	tcase_add_loop_test(tcase, runs_that_differ_are_told_apart, 0, 5);
	tcase_add_test(tcase, a_map_that_cannot_be_read_is_an_error);
	tcase_add_test(tcase, an_interruption_is_no_mark);
}

int main(void)
{
	return run_image_tests("mark", add);
}
