/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vaults that are checked without a key: what another generation makes up for is no damage, nor is
 * what a collector removes meanwhile. Runs on plain vaults, on encrypted ones, and on ones with
 * parity.
 */
#include "frames-bed.h"

#include "errors.h"
#include "interrupt.h"

#include <glib/gstdio.h>

START_TEST(a_sound_vault_is_read_whole)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare_frames();
	result = check();
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->mended->len, 0);
	ck_assert_uint_eq(result->packs, 1);
	ck_assert_uint_eq(result->packs_read, 1);
	ck_assert_uint_eq(result->blocks, table->slots);
	ck_assert_uint_gt(result->bytes, (guint64)N_BLOCKS * VK_BLOCK_SIZE);
	finish_frames();
}
END_TEST

START_TEST(a_vault_without_packs_is_sound)
{
	g_autoptr(VkCheckResult) result = check();

	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->packs + result->packs_read + result->blocks, 0);
}
END_TEST

START_TEST(another_generation_makes_up_for_frames)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare_frames();
	make_generation(ONE, NONE, NONE);
	spoil("0", frame_start(5) + 100);
	spoil("0", frame_start(8));
	result = check();
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->mended->len, 1);
	ck_assert(g_str_has_suffix(result->mended->pdata[0], ".0"));
	finish_frames();
}
END_TEST

START_TEST(another_generation_makes_up_for_a_table)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare_frames();
	make_generation(ONE, NONE, NONE);
	spoil("0", frames_end());
	result = check();
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->mended->len, 1);
	finish_frames();
}
END_TEST

START_TEST(a_generation_without_the_slot_makes_up_for_nothing)
{
	prepare_frames();
	make_generation(ONE, 5, 6);
	spoil("0", frame_start(5) + 100);
	expect_damage("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

START_TEST(a_generation_without_a_slot_makes_up_for_no_table)
{
	prepare_frames();
	make_generation(ONE, 5, 6);
	spoil("0", frames_end());
	expect_damage("checksum of its table", 5, 6);
	finish_frames();
}
END_TEST

START_TEST(generations_that_are_both_damaged_do_not_help)
{
	prepare_frames();
	make_generation(ONE, NONE, NONE);
	spoil("0", frame_start(5) + 100);
	spoil(ONE, frame_start(5) + 200);
	if (!has_parity()) {
		g_autoptr(VkCheckResult) result = check();

		ck_assert_uint_eq(result->errors->len, 2);
		ck_assert(damage_says(result, 0, ".0' is damaged in slot 5"));
		ck_assert(damage_says(result, 1, ONE "' is damaged in slot 5"));
	}
	finish_frames();
}
END_TEST

/* A collector puts the second generation in the place of the first. */
static void collect(const char *name)
{
	g_autofree char *path = path_of("0");

	if (g_str_has_suffix(name, ".0"))
		g_unlink(path);
}

START_TEST(what_a_collector_removes_is_no_damage)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare_frames();
	make_generation(ONE, 5, 6);
	bed.meddle = collect;
	result = check_opened(bed.reader);
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->packs_read, 1);
	ck_assert_uint_eq(result->blocks, table->slots - 2);
	finish_frames();
}
END_TEST

START_TEST(it_can_be_interrupted)
{
	g_autoptr(VkVault) opened = NULL;
	g_autoptr(GError) error = NULL;
	const VkCheckOptions options = {0};

	prepare_frames();
	opened = open_outside();
	vk_set_interrupted(TRUE);
	ck_assert_ptr_null(vk_check_frames(opened, &options, &error));
	vk_set_interrupted(FALSE);
	ck_assert_ptr_nonnull(error);
	finish_frames();
}
END_TEST

START_TEST(from_outside_nothing_is_opened_or_put)
{
	g_autoptr(VkVault) opened = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(VkPackTable) found = NULL;

	prepare_frames();
	opened = open_outside();
	ck_assert_ptr_null(vk_vault_keyring(opened));
	ck_assert_int_eq(vk_vault_is_encrypted(opened), test_is_encrypted());
	ck_assert(!opened->may_put || !test_is_encrypted());
	found = vk_pack_cache_get(opened->packs, &bed.pack, &error);
	ck_assert((found == NULL) == test_is_encrypted());
	ck_assert(found || g_error_matches(error, VK_ERROR, VK_ERROR_DENIED));
	finish_frames();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_sound_vault_is_read_whole);
	tcase_add_test(tcase, a_vault_without_packs_is_sound);
	tcase_add_test(tcase, another_generation_makes_up_for_frames);
	tcase_add_test(tcase, another_generation_makes_up_for_a_table);
	tcase_add_test(tcase, a_generation_without_the_slot_makes_up_for_nothing);
	tcase_add_test(tcase, a_generation_without_a_slot_makes_up_for_no_table);
	tcase_add_test(tcase, generations_that_are_both_damaged_do_not_help);
	tcase_add_test(tcase, what_a_collector_removes_is_no_damage);
	tcase_add_test(tcase, it_can_be_interrupted);
	tcase_add_test(tcase, from_outside_nothing_is_opened_or_put);
}

int main(void)
{
	return run_image_tests("check-frames", add_tests);
}
