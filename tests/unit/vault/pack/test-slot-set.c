/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot sets against flat arrays: ranges and whole sets are added in any order. */
#include "slot-set.h"

#include "pack-id.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define N_PACKS 5

static GRand *seeded;

static guint32 random_below(guint32 limit)
{
	return (guint32)g_rand_int_range(seeded, 0, (gint32)limit);
}

static void lay(VkSlots *flat, guint32 slot, guint32 count)
{
	for (guint32 i = slot; i < slot + count; i++)
		flat->bits[i / 8] |= (guint8)(1u << (i % 8));
}

/* Mostly near the beginning, as the slots of most packs. */
static void add_range(VkSlotSet *set, const VkPackId *pack, VkSlots *flat)
{
	guint32 slot = random_below(1u << (3 + random_below(10)));
	guint32 count = 1 + random_below(MIN(100, VK_SLOTS_MAX - slot));

	vk_slot_set_add(set, pack, slot, count);
	lay(flat, slot, count);
}

static void add_all(VkSlotSet *set, const VkPackId *pack, VkSlots *flat)
{
	VkSlots some = {{0}};
	guint32 slot = random_below(VK_SLOTS_MAX - 1);

	lay(&some, slot, 2);
	vk_slot_set_add_all(set, pack, &some);
	lay(flat, slot, 2);
}

static guint32 count_one_by_one(const VkSlots *slots)
{
	guint32 count = 0;

	for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot++)
		count += vk_slots_have(slots, slot);
	return count;
}

START_TEST(a_set_has_what_was_added)
{
	VkPackId packs[N_PACKS];
	VkSlots flat[N_PACKS] = {0}, found;
	g_autoptr(VkSlotSet) set = vk_slot_set_new();

	for (guint i = 0; i < N_PACKS; i++)
		packs[i] = vk_pack_id_random();
	for (guint i = 0; i < 400; i++) {
		guint pack = random_below(N_PACKS - 1); /* nothing is added to the last one */

		if (random_below(8) == 0)
			add_all(set, &packs[pack], &flat[pack]);
		else
			add_range(set, &packs[pack], &flat[pack]);
		vk_slot_set_of_pack(set, &packs[pack], &found);
		ck_assert(memcmp(&found, &flat[pack], sizeof(found)) == 0);
	}
	for (guint i = 0; i < N_PACKS; i++) {
		ck_assert_int_eq(vk_slot_set_of_pack(set, &packs[i], &found), i < N_PACKS - 1);
		ck_assert(memcmp(&found, &flat[i], sizeof(found)) == 0);
		ck_assert_uint_eq(vk_slots_count(&found), count_one_by_one(&flat[i]));
	}
	ck_assert_uint_eq(vk_slot_set_count_packs(set), N_PACKS - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slot-set");
	TCase *tcase = tcase_create("slot-set");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_add_test(tcase, a_set_has_what_was_added);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
