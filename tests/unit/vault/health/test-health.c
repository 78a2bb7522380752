/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What checks found out about packs: it is there again, adds up, gives way to what was found later,
 * and does no harm when it is lost or wrong.
 */
#include "health.h"

#include "errors.h"
#include "layout.h"
#include "pack-name.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <stdlib.h>
#include <string.h>

#define PACKS 5

static VaultDir dir;
static VkVault *vault;
static VkPackId packs[PACKS];
static GPtrArray *objects[PACKS]; /* of each pack, its one generation */
static gint64 now;

static const char *name_of(guint pack)
{
	return g_ptr_array_index(objects[pack], 0);
}

static void put_object(VkVault *to, const char *object)
{
	ck_assert(vk_store_put(to->store, object, NULL, 0, VK_PUT_NOW, NULL));
}

static void setup(void)
{
	vault = vault_dir_new(&dir);
	now = g_get_real_time();
	for (guint i = 0; i < PACKS; i++) {
		packs[i] = vk_pack_id_random();
		objects[i] = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(objects[i], vk_pack_object(&packs[i], 0));
		put_object(vault, name_of(i));
	}
}

static void teardown(void)
{
	for (guint i = 0; i < PACKS; i++)
		g_ptr_array_unref(objects[i]);
	vault_dir_clear(&dir);
}

static VkHealth *load(void)
{
	VkHealth *health = vk_health_load(vault, NULL);

	ck_assert_ptr_nonnull(health);
	return health;
}

static void save(VkHealth *health)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_health_save(health, &error), "%s", error ? error->message : "");
}

/* Of the vault, which are below checks/. */
static GPtrArray *list_saved(void)
{
	GPtrArray *names = vault->store->ops->list(vault->store, VK_FOLDER_CHECKS, NULL);

	ck_assert_ptr_nonnull(names);
	return names;
}

/* The only one. New string. */
static char *saved_object(void)
{
	g_autoptr(GPtrArray) names = list_saved();

	ck_assert_uint_eq(names->len, 1);
	return g_strconcat(VK_FOLDER_CHECKS "/", names->pdata[0], NULL);
}

static VkSlots slot(guint32 number)
{
	VkSlots slots = {{0}};

	slots.bits[number / 8] = (guint8)(1u << (number % 8));
	return slots;
}

static void add_damage(VkHealth *health, guint pack, guint32 number, gint64 time)
{
	VkSlots slots = slot(number);

	vk_health_add_damage(health, &packs[pack], name_of(pack), &slots, time);
}

/* How many slots of the pack are damaged, and whether this one is. */
static guint32 count_damaged(const VkHealth *health, guint pack, guint32 number)
{
	g_autoptr(VkSlotSet) damaged = vk_health_damaged(health);
	VkSlots slots;

	if (!vk_slot_set_of_pack(damaged, &packs[pack], &slots))
		return 0;
	ck_assert(vk_slots_have(&slots, number));
	return vk_slots_count(&slots);
}

START_TEST(what_was_found_is_there_again)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;

	for (guint i = 0; i < 4; i++)
		vk_health_add_read(health, objects[i], now - i % 2);
	add_damage(health, 1, 4095, now - 1);
	add_damage(health, 1, 7, now - 1);
	vk_health_add_share(health, now - 5);
	vk_health_add_share(health, now - 5);
	vk_health_add_share(health, now - 9);
	save(health);
	again = load();
	for (guint i = 0; i < 4; i++)
		ck_assert_int_eq(vk_health_read_time(again, objects[i]), now - i % 2);
	ck_assert_int_eq(vk_health_read_time(again, objects[4]), 0);
	ck_assert_uint_eq(count_damaged(again, 0, 0), 0);
	ck_assert_uint_eq(count_damaged(again, 1, 7), 2);
	ck_assert_uint_eq(count_damaged(again, 1, 4095), 2);
	ck_assert_uint_eq(vk_health_count_shares(again, now - 10), 2);
	ck_assert_uint_eq(vk_health_count_shares(again, now - 9), 1);
	ck_assert_uint_eq(vk_health_count_shares(again, now - 5), 0);
}
END_TEST

START_TEST(what_is_lost_was_never_found)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	g_autofree char *object = NULL;

	vk_health_add_read(health, objects[0], now);
	save(health);
	object = saved_object();
	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	again = load();
	ck_assert_int_eq(vk_health_read_time(again, objects[0]), 0);
}
END_TEST

START_TEST(what_is_damaged_is_left_out_and_replaced)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	g_autofree char *object = NULL, *other = NULL, *path = NULL, *bytes = NULL;
	gsize length;

	vk_health_add_read(health, objects[0], now);
	save(health);
	object = saved_object();
	path = test_vault_path(vault, object);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	bytes[length / 2] ^= 1;
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	again = load();
	ck_assert_int_eq(vk_health_read_time(again, objects[0]), 0);
	vk_health_add_read(again, objects[1], now);
	save(again);
	other = saved_object();
	ck_assert_str_ne(other, object);
}
END_TEST

START_TEST(those_of_another_vault_are_left_out)
{
	VaultDir other_dir;
	VkVault *other = vault_dir_new(&other_dir);
	g_autoptr(VkHealth) theirs = vk_health_load(other, NULL);
	g_autoptr(VkHealth) ours = NULL;
	g_autoptr(GPtrArray) names = NULL;
	g_autofree char *object = NULL, *from = NULL, *to = NULL, *bytes = NULL;
	gsize length;

	put_object(other, name_of(0));
	vk_health_add_read(theirs, objects[0], now);
	save(theirs);
	names = other->store->ops->list(other->store, VK_FOLDER_CHECKS, NULL);
	object = g_strconcat(VK_FOLDER_CHECKS "/", names->pdata[0], NULL);
	from = test_vault_path(other, object);
	to = test_vault_path(vault, object);
	ck_assert(g_file_get_contents(from, &bytes, &length, NULL));
	ck_assert(g_file_set_contents(to, bytes, (gssize)length, NULL));
	ours = load();
	ck_assert_int_eq(vk_health_read_time(ours, objects[0]), 0);
	vault_dir_clear(&other_dir);
}
END_TEST

START_TEST(two_writers_add_up)
{
	g_autoptr(VkHealth) first = load();
	g_autoptr(VkHealth) one = NULL, other = NULL, again = NULL;
	g_autofree char *object = NULL;

	vk_health_add_read(first, objects[0], now - 10);
	save(first);
	one = load();
	other = load();
	vk_health_add_read(one, objects[1], now - 5);
	add_damage(one, 1, 3, now - 5);
	vk_health_add_read(other, objects[1], now - 7);
	vk_health_add_read(other, objects[2], now - 7);
	save(one);
	save(other);
	vk_health_add_read(one, objects[3], now - 1);
	save(one);
	object = saved_object();
	again = load();
	ck_assert_int_eq(vk_health_read_time(again, objects[0]), now - 10);
	ck_assert_int_eq(vk_health_read_time(again, objects[1]), now - 5);
	ck_assert_int_eq(vk_health_read_time(again, objects[2]), now - 7);
	ck_assert_int_eq(vk_health_read_time(again, objects[3]), now - 1);
	ck_assert_uint_eq(count_damaged(again, 1, 3), 1);
}
END_TEST

/* Two that look at the same moment both remove what both have, and nothing else. */
START_TEST(nothing_that_only_one_writer_has_is_removed)
{
	g_autoptr(VkHealth) slow = load();
	g_autoptr(VkHealth) quick = load();
	g_autoptr(VkHealth) again = NULL;

	vk_health_add_read(quick, objects[0], now);
	save(quick);
	vk_health_free(g_steal_pointer(&quick));
	quick = load();
	vk_health_add_read(slow, objects[1], now);
	save(slow);
	vk_health_add_read(quick, objects[2], now);
	save(quick);
	again = load();
	for (guint i = 0; i < 3; i++)
		ck_assert_int_eq(vk_health_read_time(again, objects[i]), now);
}
END_TEST

START_TEST(damage_counts_until_the_pack_is_read_again)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) slow = NULL, again = NULL;

	vk_health_add_read(health, objects[0], now - 10);
	add_damage(health, 0, 1, now - 10);
	add_damage(health, 2, 1, now - 10);
	save(health);
	slow = load();
	vk_health_add_read(health, objects[0], now - 5);
	ck_assert_uint_eq(count_damaged(health, 0, 1), 0);
	add_damage(health, 0, 9, now - 5);
	ck_assert_uint_eq(count_damaged(health, 0, 9), 1);
	/* It was read at an earlier time than the damage was found. */
	vk_health_add_read(health, objects[2], now - 11);
	save(health);
	/* By who still knows the earlier damage. */
	save(slow);
	again = load();
	ck_assert_uint_eq(count_damaged(again, 0, 9), 1);
	ck_assert_uint_eq(count_damaged(again, 2, 1), 1);
}
END_TEST

START_TEST(what_was_found_goes_with_its_object)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	char *next = vk_pack_compacted_object(&packs[1], 1, "0123456789abcdef");

	for (guint i = 0; i < 3; i++) {
		vk_health_add_read(health, objects[i], now);
		add_damage(health, i, i, now);
	}
	save(health);
	ck_assert(vault->store->ops->delete (vault->store, name_of(0), NULL));
	put_object(vault, next);
	ck_assert(vault->store->ops->delete (vault->store, name_of(1), NULL));
	g_ptr_array_remove_index(objects[1], 0);
	g_ptr_array_add(objects[1], next);
	again = load();
	ck_assert_uint_eq(count_damaged(again, 0, 0), 0);
	ck_assert_uint_eq(count_damaged(again, 1, 1), 0);
	ck_assert_uint_eq(count_damaged(again, 2, 2), 1);
	save(again);
	ck_assert_int_eq(vk_health_read_time(again, objects[0]), 0);
	ck_assert_int_eq(vk_health_read_time(again, objects[1]), 0);
	ck_assert_int_eq(vk_health_read_time(again, objects[2]), now);
}
END_TEST

static void put_next_generation(guint pack)
{
	g_ptr_array_insert(objects[pack], 0,
			   vk_pack_compacted_object(&packs[pack], 1, "0123456789abcdef"));
	put_object(vault, name_of(pack));
}

/* One that heals some of its slots has to be read as well. */
START_TEST(a_reading_is_of_all_generations)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	VkHealthSummary summary;

	vk_health_add_read(health, objects[0], now - 20);
	add_damage(health, 0, 1, now - 20);
	put_next_generation(0);
	save(health);
	ck_assert_int_eq(vk_health_read_time(health, objects[0]), 0);
	ck_assert_uint_eq(count_damaged(health, 0, 1), 1);
	vk_health_add_read(health, objects[0], now - 10);
	save(health);
	again = load();
	ck_assert_int_eq(vk_health_read_time(again, objects[0]), now - 10);
	ck_assert_uint_eq(count_damaged(again, 0, 1), 0);
	ck_assert(vk_health_summarize(again, &summary, NULL));
	ck_assert_uint_eq(summary.packs, PACKS);
	ck_assert_uint_eq(summary.unread, PACKS - 1);
	ck_assert_uint_eq(summary.damaged, 0);
}
END_TEST

/* The slot was sound in a generation that is still there. */
START_TEST(damage_does_not_come_back_with_a_generation)
{
	g_autoptr(VkHealth) health = load();

	add_damage(health, 0, 1, now - 20);
	vk_health_add_read(health, objects[0], now - 10);
	put_next_generation(0);
	save(health);
	ck_assert_int_eq(vk_health_read_time(health, objects[0]), 0);
	ck_assert_uint_eq(count_damaged(health, 0, 1), 0);
}
END_TEST

START_TEST(a_missing_pack_is_missing_until_the_maps_are_read_again)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	VkSlots slots = slot(5);

	ck_assert(vault->store->ops->delete (vault->store, name_of(0), NULL));
	vk_health_add_walk(health, now - 10);
	vk_health_add_damage(health, &packs[0], NULL, &slots, now - 10);
	add_damage(health, 1, 1, now - 10);
	save(health);
	again = load();
	ck_assert_uint_eq(count_damaged(again, 0, 5), 1);
	vk_health_add_walk(again, now);
	save(again);
	vk_health_free(g_steal_pointer(&again));
	again = load();
	ck_assert_uint_eq(count_damaged(again, 0, 5), 0);
	ck_assert_uint_eq(count_damaged(again, 1, 1), 1);
}
END_TEST

START_TEST(a_summary_is_of_all_packs)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	VkHealthSummary summary;

	vk_health_add_read(health, objects[0], now - 20);
	vk_health_add_read(health, objects[1], now - 30);
	add_damage(health, 0, 1, now - 20);
	save(health);
	again = load();
	ck_assert(vk_health_summarize(again, &summary, NULL));
	ck_assert_uint_eq(summary.packs, PACKS);
	ck_assert_uint_eq(summary.unread, PACKS - 2);
	ck_assert_int_eq(summary.oldest, now - 30);
	ck_assert_uint_eq(summary.damaged, 1);
}
END_TEST

START_TEST(what_is_too_much_to_remember_is_read_again)
{
	g_autoptr(VkHealth) health = load();
	VkSlots slots = slot(0);

	for (guint i = 0; i < 10000; i++) {
		VkPackId pack = vk_pack_id_random();

		vk_health_add_damage(health, &pack, NULL, &slots, now);
	}
	vk_health_add_read(health, objects[0], now);
	add_damage(health, 0, 0, now);
	ck_assert_int_eq(vk_health_read_time(health, objects[0]), 0);
	vk_health_add_read(health, objects[1], now);
	ck_assert_int_eq(vk_health_read_time(health, objects[1]), now);
}
END_TEST

/* By a clock that was wrong. */
START_TEST(what_was_read_in_the_future_was_not_read)
{
	g_autoptr(VkHealth) health = load();
	g_autoptr(VkHealth) again = NULL;
	gint64 later = now + G_TIME_SPAN_DAY;

	vk_health_add_read(health, objects[0], later);
	add_damage(health, 1, 1, later);
	vk_health_add_share(health, later);
	save(health);
	again = load();
	ck_assert_int_eq(vk_health_read_time(again, objects[0]), 0);
	ck_assert_uint_eq(vk_health_count_shares(again, 0), 0);
	ck_assert_uint_eq(count_damaged(again, 1, 1), 1);
	vk_health_add_read(again, objects[1], g_get_real_time() + 1);
	ck_assert_uint_eq(count_damaged(again, 1, 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_found_is_there_again);
	tcase_add_test(tcase, what_is_lost_was_never_found);
	tcase_add_test(tcase, what_is_damaged_is_left_out_and_replaced);
	tcase_add_test(tcase, those_of_another_vault_are_left_out);
	tcase_add_test(tcase, two_writers_add_up);
	tcase_add_test(tcase, nothing_that_only_one_writer_has_is_removed);
	tcase_add_test(tcase, damage_counts_until_the_pack_is_read_again);
	tcase_add_test(tcase, what_was_found_goes_with_its_object);
	tcase_add_test(tcase, a_reading_is_of_all_generations);
	tcase_add_test(tcase, damage_does_not_come_back_with_a_generation);
	tcase_add_test(tcase, a_missing_pack_is_missing_until_the_maps_are_read_again);
	tcase_add_test(tcase, a_summary_is_of_all_packs);
	tcase_add_test(tcase, what_is_too_much_to_remember_is_read_again);
	tcase_add_test(tcase, what_was_read_in_the_future_was_not_read);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
