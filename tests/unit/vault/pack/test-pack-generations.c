/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packs of which there is another generation than the first, or several: any that has a slot is
 * right. */
#include "generation-bed.h"

#include "damages.h"
#include "errors.h"
#include "session-priv.h"
#include "temp-vault.h"

#include <glib/gstdio.h>
#include <string.h>

START_TEST(the_first_costs_no_listing)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	expect_readable();
	ck_assert_uint_eq(bed.listings, 0);
	finish();
}
END_TEST

START_TEST(a_later_one_alone_is_enough)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	expect_readable();
	ck_assert_uint_eq(bed.listings, 1);
	finish();
}
END_TEST

/* Each has what another one lacks, and the highest is asked first. */
START_TEST(slots_are_read_where_they_are)
{
	prepare();
	make_generation("1-0a", 0, 3);
	make_generation("2-0b", 4, 11);
	make_generation("3-0c", 0, 11);
	drop_generation("0");
	expect_readable();
	finish();
}
END_TEST

START_TEST(a_slot_that_only_the_older_one_has_is_read)
{
	guint8 buf[VK_BLOCK_SIZE];
	g_autoptr(VkPackTable) table = NULL;
	gsize length;

	prepare();
	make_generation("1-0a", 2, 4);
	make_generation("2-0b", 2, 5);
	drop_generation("0");
	ck_assert(vk_pack_cache_read(bed.reader->packs, &bed.pack, 5, VK_SLOT_KIND_DATA, buf,
				     &length, &table, NULL));
	ck_assert(g_str_has_suffix(table->object, ".1-0a"));
	expect_failure(3, "has no slot 3");
	/* Of those that it has the reader needs no other generation. */
	bed.listings = 0;
	for (guint32 slot = 5; slot < N_BLOCKS; slot++)
		ck_assert(vk_pack_cache_read(bed.reader->packs, &bed.pack, slot, VK_SLOT_KIND_DATA,
					     buf, &length, NULL, NULL));
	ck_assert_uint_eq(bed.listings, 0);
	finish();
}
END_TEST

START_TEST(a_damaged_one_is_passed_over)
{
	g_autofree char *path = NULL;

	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	path = path_of("2-0b");
	ck_assert(g_file_set_contents(path, "damaged", -1, NULL));
	expect_readable();
	drop_generation("1-0a");
	vk_vault_free(bed.reader);
	bed.reader = vk_vault_open(directory, VK_VAULT_READ, NULL);
	expect_failure(0, "is truncated");
	finish();
}
END_TEST

/* Its collector died before it deleted the first. */
START_TEST(a_damaged_first_hides_no_sound_one)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	damage("0", 0, 64);
	expect_readable();
	drop_generation("1-0a");
	vk_vault_free(bed.reader);
	bed.reader = vk_vault_open(directory, VK_VAULT_READ, NULL);
	expect_failure(0, ".0' is damaged");
	finish();
}
END_TEST

/* Some in this one, some in that. */
START_TEST(a_damaged_frame_hides_no_sound_one)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	damage("0", 300, 3u * VK_BLOCK_SIZE);
	damage("1-0a", 300 + 6u * VK_BLOCK_SIZE, 3u * VK_BLOCK_SIZE);
	expect_readable();
	damage("1-0a", 300, 1000);
	expect_failure(0, "is damaged");
	finish();
}
END_TEST

/* Slots of different generations in turn, one by one and as a whole. */
static void read_in_turn(void)
{
	guint8 buf[VK_BLOCK_SIZE];
	gsize length;

	for (guint i = 0; i < 20; i++) {
		for (guint32 slot = 0; slot < N_BLOCKS; slot++) {
			guint32 at = slot % 2 ? slot : N_BLOCKS - 2 - slot;

			ck_assert(vk_pack_cache_read(bed.reader->packs, &bed.pack, at,
						     VK_SLOT_KIND_DATA, buf, &length, NULL, NULL));
			ck_assert(memcmp(buf, bed.source->bytes + (gsize)at * VK_BLOCK_SIZE,
					 length) == 0);
		}
		expect_readable();
	}
}

START_TEST(each_table_is_read_once)
{
	prepare();
	make_generation("1-0a", 0, 3);
	make_generation("2-0b", 4, N_BLOCKS - 1);
	make_generation("3-0c", 2, N_BLOCKS);
	drop_generation("0");
	read_in_turn();
	ck_assert_uint_le(bed.table_reads, 4);
	finish();
}
END_TEST

/* The patch is asked first for what it has, and the first generation for all else. */
START_TEST(a_patch_does_not_drive_out_the_first)
{
	prepare();
	make_generation("1-0a", 3, N_BLOCKS);
	damage("0", 300, 1000);
	read_in_turn();
	ck_assert_uint_le(bed.table_reads, 2);
	ck_assert_uint_le(bed.listings, 1);
	finish();
}
END_TEST

START_TEST(names_of_other_objects_are_passed_over)
{
	static const char *const names[] = {"1x", "-1", "1-", "0a", "", "1.bak", "5000000000"};
	g_autofree char *first = NULL;

	prepare();
	first = path_of("0");
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = path_of(names[i]);

		ck_assert(g_file_set_contents(path, "x", 1, NULL));
	}
	ck_assert_int_eq(g_unlink(first), 0);
	expect_failure(0, "is missing from the vault");
	finish();
}
END_TEST

START_TEST(a_check_finds_each_slot)
{
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *first = NULL;

	prepare();
	make_generation("1-0a", 0, 3);
	make_generation("2-0b", 4, 9);
	drop_generation("0");
	result = check_guests(bed.reader, NULL, TRUE, NULL);
	first = first_damage(result);
	ck_assert_msg(result->errors->len == 0, "%s", first);
	ck_assert_uint_eq(result->packs, 1);
	ck_assert_uint_eq(result->blocks, N_BLOCKS);
	finish();
}
END_TEST

START_TEST(a_check_names_a_slot_that_no_generation_has)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare();
	make_generation("1-0a", 2, 4);
	make_generation("2-0b", 4, 7);
	drop_generation("0");
	result = check_guests(bed.reader, NULL, TRUE, NULL);
	ck_assert_uint_ge(result->errors->len, 1);
	ck_assert(damage_says(result, 0, "has no slot 4"));
	finish();
}
END_TEST

/* Hints are made of the table: a dropped slot is no place of its block any more. */
START_TEST(what_is_dropped_is_stored_again)
{
	g_autofree char *hints = NULL;
	g_autoptr(VkVault) writer = NULL;
	VkSession *session;
	VkImageRecord *again;
	VkSaveStats stats = {0};

	prepare();
	hints = g_build_filename(directory, "hints", NULL);
	temp_directory_remove(hints);
	make_generation("1-0a", 2, 4);
	drop_generation("0");
	writer = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	session = vk_session_new(writer, 1, NULL);
	again = save(session, bed.source, NULL, &stats);
	ck_assert_uint_eq(stats.fresh, 3 * VK_BLOCK_SIZE);
	vk_snapshot_free(commit(session, again));
	vk_session_free(session);
	finish();
}
END_TEST

/* Its table is known from an earlier backup of this process. */
START_TEST(what_was_only_replaced_is_not_stored_again)
{
	g_autoptr(VkVault) writer = NULL;
	g_autoptr(VkPackTable) table = NULL;
	VkSession *session;
	VkImageRecord *again;
	VkSaveStats stats = {0};

	prepare();
	writer = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	table = vk_pack_cache_get(writer->packs, &bed.pack, NULL);
	ck_assert(g_str_has_suffix(table->object, ".0"));
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	session = vk_session_new(writer, 1, NULL);
	again = save(session, bed.source, NULL, &stats);
	ck_assert_uint_eq(stats.fresh, 0);
	vk_snapshot_free(commit(session, again));
	vk_session_free(session);
	finish();
}
END_TEST

static const VkStoreOps *watched;

static gboolean get_no_first(VkStore *store, const char *name, guint64 offset, void *buf,
			     gsize length, GError **error)
{
	return g_str_has_suffix(name, ".1-0a")
		       ? vk_fail(error, VK_ERROR_FAILED, "'%s' is away", name)
		       : watched->get(store, name, offset, buf, length, error);
}

/* That one may be sound. */
START_TEST(nothing_is_damaged_while_a_generation_is_away)
{
	g_autoptr(VkPackTable) table = NULL;
	g_autoptr(GError) error = NULL;
	VkStoreOps failing;

	prepare();
	make_generation("1-0a", NONE, 0);
	make_generation("2-0b", NONE, 0);
	drop_generation("0");
	damage("2-0b", 0, 8);
	watched = bed.reader->store->ops;
	failing = *watched;
	failing.get = get_no_first;
	bed.reader->store->ops = &failing;
	table = vk_pack_cache_get(bed.reader->packs, &bed.pack, &error);
	bed.reader->store->ops = watched;
	ck_assert_ptr_null(table);
	ck_assert_msg(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED), "%s", error->message);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, the_first_costs_no_listing);
	tcase_add_test(tcase, a_later_one_alone_is_enough);
	tcase_add_test(tcase, slots_are_read_where_they_are);
	tcase_add_test(tcase, a_slot_that_only_the_older_one_has_is_read);
	tcase_add_test(tcase, a_damaged_one_is_passed_over);
	tcase_add_test(tcase, a_damaged_first_hides_no_sound_one);
	tcase_add_test(tcase, a_damaged_frame_hides_no_sound_one);
	tcase_add_test(tcase, nothing_is_damaged_while_a_generation_is_away);
	tcase_add_test(tcase, each_table_is_read_once);
	tcase_add_test(tcase, a_patch_does_not_drive_out_the_first);
	tcase_add_test(tcase, names_of_other_objects_are_passed_over);
	tcase_add_test(tcase, a_check_finds_each_slot);
	tcase_add_test(tcase, a_check_names_a_slot_that_no_generation_has);
	tcase_add_test(tcase, what_is_dropped_is_stored_again);
	tcase_add_test(tcase, what_was_only_replaced_is_not_stored_again);
}

int main(void)
{
	return run_image_tests("pack-generations", add_tests);
}
