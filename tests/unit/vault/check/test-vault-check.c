/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking data: every block counts, and what is not as it was stored is told, whatever reads well.
 */
#include "check-bed.h"
#include "pack-name.h"
#include "temp-vault.h"
#include "vault-parts.h"

#define N_PACKS 3

/* What is said of it besides. */
#define UNUSED "; no snapshot uses it now"

/* Around what is hashed at once. */
static const guint slot_counts[] = {1, 15, 16, 17, 33};

START_TEST(every_block_is_checked)
{
	const guint64 stored = VK_BLOCK_SIZE + (test_is_encrypted() ? VK_TAG_SIZE : 0);
	guint slots = slot_counts[_i];
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, slots, G_MAXUINT);
	snapshot = commit_packs(N_PACKS, slots);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->packs, N_PACKS);
	ck_assert_uint_eq(result->blocks, N_PACKS * slots);
	ck_assert_uint_eq(result->bytes, N_PACKS * slots * stored);
	g_free(victim);
}
END_TEST

START_TEST(content_that_is_not_its_id_is_told)
{
	guint slots = slot_counts[_i];
	g_autofree char *told = g_strdup_printf("in slot %u: its content is not", slots - 1);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, slots, slots - 1);
	snapshot = commit_packs(N_PACKS, slots);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->errors->len, 2);
	ck_assert(damage_says(result, 0, told));
	expect_range(result, 1, slots - 1, 1);
	ck_assert_uint_eq(result->blocks, N_PACKS * slots - 1);
	ck_assert_uint_eq(count_damaged(&packs[0]), 1);
	ck_assert_uint_eq(count_damaged(&packs[1]), 0);
	ck_assert_int_gt(read_time(&packs[0]), 0);
	g_free(victim);
}
END_TEST

START_TEST(what_two_snapshots_share_is_checked_once)
{
	g_autoptr(VkSnapshot) one = NULL;
	g_autoptr(VkSnapshot) other = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, 5, 0);
	one = commit_packs(N_PACKS, 5);
	other = commit_packs(N_PACKS - 1, 5);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->snapshots, 2);
	ck_assert_uint_eq(result->blocks, N_PACKS * 5 - 1);
	ck_assert_uint_eq(result->errors->len, 3);
	ck_assert(damage_says(result, 0, "in slot 0: its content is not"));
	expect_range(result, 1, 0, 1);
	expect_range(result, 2, 0, 1);
	g_free(victim);
}
END_TEST

START_TEST(a_damaged_pack_is_told_once)
{
	const guint slots = 4000;
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	block_length = 64;
	for (guint i = 0; i < N_PACKS; i++)
		packs[i] = write_pack(slots, BED_ALL);
	snapshot = commit_packs(N_PACKS, slots);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->blocks, 0);
	ck_assert_uint_eq(result->errors->len, N_PACKS + 1);
	for (guint i = 0; i < N_PACKS; i++)
		ck_assert(damage_says(result, i,
				      "in slot 0: its content is not what was stored; "
				      "3999 more of its slots cannot be read"));
	expect_range(result, N_PACKS, 0, (guint64)N_PACKS * slots);
	ck_assert_uint_eq(count_damaged(&packs[2]), slots);
}
END_TEST

/* Every second block is in a pack of its own that is missing. */
START_TEST(endless_damage_is_cut_short_and_says_so)
{
	const guint count = 2200, listed = 1000, ranges = 100;
	g_autofree VkPackId *of_blocks = g_new(VkPackId, count);
	VkPackId sound = write_pack(1, G_MAXUINT);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	for (guint i = 0; i < count; i++)
		of_blocks[i] = i % 2 == 0 ? vk_pack_id_random() : sound;
	snapshot = commit_some_packs(of_blocks, count, 1);
	result = check_vault(FALSE, G_MAXINT);
	ck_assert_uint_eq(result->packs, 1);
	ck_assert_uint_eq(result->errors->len, listed + ranges + 1);
	ck_assert_uint_eq(result->unlisted, count / 2 - listed);
	ck_assert(damage_says(result, 0, "is missing"));
	expect_range(result, listed, 0, 1);
	expect_range(result, listed + 1, 2, 1);
	ck_assert(damage_says(result, listed + ranges,
			      "1000 more ranges of it cannot be read, 65536000 bytes in all"));
}
END_TEST

/* Its table was read for the map, and cannot be any more when the data is to be checked. */
START_TEST(a_pack_that_is_lost_meanwhile_is_told)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) walk = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(BED_PACKS, 2, G_MAXUINT);
	snapshot = commit_packs(BED_PACKS, 2);
	walk = check_vault(FALSE, G_MAXINT);
	ck_assert_uint_eq(walk->errors->len, 0);
	result = check_vault(TRUE, reads_of_victim);
	ck_assert_uint_eq(result->errors->len, 2);
	ck_assert(damage_says(result, 0, victim));
	expect_range(result, 1, 0, 2);
	ck_assert_uint_eq(result->blocks, (BED_PACKS - 1) * 2);
	/* With that of the map. */
	ck_assert_uint_eq(result->packs_read, BED_PACKS - 1 + 1);
	/* That may be the matter of a moment. */
	ck_assert_int_eq(read_time(&packs[0]), 0);
	ck_assert_uint_eq(count_damaged(&packs[0]), 0);
	g_free(victim);
}
END_TEST

START_TEST(a_missing_pack_is_remembered)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(N_PACKS, 3, G_MAXUINT);
	snapshot = commit_packs(N_PACKS, 3);
	ck_assert(vault->store->ops->delete (vault->store, victim, NULL));
	result = check_vault(FALSE, G_MAXINT);
	ck_assert_uint_eq(result->errors->len, 2);
	expect_range(result, 1, 0, 3);
	ck_assert_uint_eq(count_damaged(&packs[0]), 3);
	g_free(victim);
}
END_TEST

/* A snapshot that comes later may use it. */
START_TEST(what_no_snapshot_uses_is_read)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	VkPackId unused = write_pack(2, 1);

	write_packs(1, 5, 3);
	snapshot = commit_packs(1, 2);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->packs, 1);
	ck_assert_uint_eq(result->blocks, 5 - 1 + 2 - 1);
	ck_assert_uint_eq(result->errors->len, 2);
	for (guint i = 0; i < 2; i++)
		ck_assert(damage_says(result, i, "its content is not what was stored" UNUSED));
	ck_assert_uint_eq(count_damaged(&packs[0]), 1);
	ck_assert_uint_eq(count_damaged(&unused), 1);
	ck_assert_int_gt(read_time(&packs[0]), 0);
	ck_assert_int_gt(read_time(&unused), 0);
	g_free(victim);
}
END_TEST

/* When it is listed, when its table is read, and with each block. */
START_TEST(what_no_snapshot_uses_may_go_meanwhile)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkPackId used = write_pack(2, G_MAXUINT);

	snapshot = commit_some_packs(&used, 1, 2);
	vanishes = TRUE;
	for (gint allowed = 0;; allowed++) {
		g_autoptr(VkCheckResult) result = NULL;
		g_autoptr(GPtrArray) left = NULL;

		write_packs(1, 3, G_MAXUINT);
		result = check_vault(TRUE, allowed);
		ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
		ck_assert_uint_eq(count_damaged(&packs[0]), 0);
		left = vk_pack_generations(vault->store, &packs[0], NULL);
		g_clear_pointer(&victim, g_free);
		if (left->len > 0)
			break;
		ck_assert_uint_eq(result->packs_read, 2);
	}
	ck_assert_int_gt(read_time(&packs[0]), 0);
}
END_TEST

/* The same of one that goes before its generations are listed. */
START_TEST(what_no_snapshot_uses_may_go_before_it_is_read)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	VkPackId used = write_pack(2, G_MAXUINT);

	snapshot = commit_some_packs(&used, 1, 2);
	write_packs(1, 3, G_MAXUINT);
	is_collected = TRUE;
	result = check_vault(TRUE, G_MAXINT);
	is_collected = FALSE;
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_eq(result->packs_read, 2);
	g_free(victim);
}
END_TEST

static gboolean says_anywhere(const VkCheckResult *result, const char *text)
{
	for (guint i = 0; i < result->errors->len; i++)
		if (damage_says(result, i, text))
			return TRUE;
	return FALSE;
}

/* Its reading fails, and so does each listing that would say whether the pack is still there. */
START_TEST(a_store_that_is_away_excuses_nothing)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkPackId used = write_pack(2, G_MAXUINT);
	gint allowed = 0;

	snapshot = commit_some_packs(&used, 1, 2);
	write_packs(1, 3, G_MAXUINT);
	store_leaves = TRUE;
	do {
		g_autoptr(VkCheckResult) result = check_vault(TRUE, allowed);

		ck_assert_int_eq(says_anywhere(result, victim), reads_of_victim > allowed);
		ck_assert_uint_eq(count_damaged(&packs[0]), 0);
		ck_assert_int_eq(read_time(&packs[0]) > 0, reads_of_victim <= allowed);
	} while (reads_of_victim > allowed++);
	store_leaves = FALSE;
	ck_assert_int_gt(allowed, 2);
	g_free(victim);
}
END_TEST

/* For a moment, or for longer. */
START_TEST(a_listing_that_fails_excuses_nothing)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkPackId used = write_pack(2, G_MAXUINT);

	snapshot = commit_some_packs(&used, 1, 2);
	write_packs(1, 3, G_MAXUINT);
	for (listings_failing = 1; listings_failing <= 2; listings_failing++) {
		g_autoptr(VkCheckResult) result = check_vault(TRUE, G_MAXINT);

		ck_assert(says_anywhere(result, "cannot list"));
		/* Of three; others may be in the same folder. */
		ck_assert_uint_lt(result->packs_read, 3);
	}
	listings_failing = 0;
	g_free(victim);
}
END_TEST

static gboolean is_of_bed(const VkPackId *pack)
{
	for (guint i = 0; i < BED_PACKS; i++)
		if (vk_pack_id_equal(pack, &packs[i]))
			return TRUE;
	return FALSE;
}

/* The one that the only snapshot has put its map into. */
static VkPackId find_pack_of_map(void)
{
	g_autoptr(GArray) all = vk_pack_list(vault->store, NULL);
	guint at = 0;

	while (at < all->len && is_of_bed(&g_array_index(all, VkPackId, at)))
		at++;
	ck_assert_uint_lt(at, all->len);
	return g_array_index(all, VkPackId, at);
}

/* It has no block, but a snapshot needs it. */
START_TEST(a_pack_of_a_map_is_not_called_unused)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	VkPackId of_map;

	write_packs(1, 2, G_MAXUINT);
	snapshot = commit_packs(1, 2);
	of_map = find_pack_of_map();
	g_free(victim);
	victim = vk_pack_object(&of_map, 0);
	listings_failing = 1;
	result = check_vault(TRUE, G_MAXINT);
	listings_failing = 0;
	ck_assert(says_anywhere(result, "cannot list"));
	ck_assert(!says_anywhere(result, UNUSED));
	g_free(victim);
}
END_TEST

/* Nobody knows what a snapshot uses whose map is gone. */
START_TEST(what_a_lost_map_may_need_is_not_called_unused)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *object = NULL;
	VkPackId of_map;

	write_packs(1, 2, 0);
	snapshot = commit_packs(1, 2);
	of_map = find_pack_of_map();
	object = vk_pack_object(&of_map, 0);
	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	result = check_vault(TRUE, G_MAXINT);
	ck_assert(says_anywhere(result, "its content is not what was stored"));
	ck_assert(!says_anywhere(result, UNUSED));
	g_free(victim);
}
END_TEST

/* The pack lacks the last slot of an extent: the others of it are in use all the same. */
START_TEST(what_is_beside_a_missing_slot_is_not_called_unused)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	write_packs(1, 2, 0);
	snapshot = commit_packs(1, 3);
	result = check_vault(TRUE, G_MAXINT);
	ck_assert(says_anywhere(result, "its content is not what was stored"));
	ck_assert(!says_anywhere(result, UNUSED));
	g_free(victim);
}
END_TEST

/* A generation of the first pack whose table is damaged. New string: its name. */
static char *put_damaged_generation(void)
{
	char *object = vk_pack_compacted_object(&packs[0], 1, "0123456789abcdef");
	g_autofree char *bytes = g_strnfill(10000, 'x');
	const struct iovec part = {.iov_base = bytes, .iov_len = 10000};

	ck_assert(vk_store_put(vault->store, object, &part, 1, VK_PUT_NOW, NULL));
	return object;
}

/* It is a warning, as damage is that parity gives back. */
START_TEST(a_generation_may_make_up_for_a_damaged_one)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *object = NULL;

	write_packs(1, 3, G_MAXUINT);
	snapshot = commit_packs(1, 2);
	object = put_damaged_generation();
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_eq(result->blocks, 3);
	ck_assert_uint_eq(result->mended->len, 1);
	ck_assert_str_eq(result->mended->pdata[0], object);
	ck_assert_int_gt(read_time(&packs[0]), 0);
	g_free(victim);
}
END_TEST

START_TEST(a_damaged_generation_beside_another_is_reported)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *object = NULL;

	write_packs(1, 3, 2);
	snapshot = commit_packs(1, 2);
	object = put_damaged_generation();
	result = check_vault(TRUE, G_MAXINT);
	ck_assert_uint_eq(result->errors->len, 2);
	ck_assert(says_anywhere(result, object));
	ck_assert(says_anywhere(result, "in slot 2: its content is not what was stored"));
	ck_assert_uint_eq(result->mended->len, 0);
	g_free(victim);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, every_block_is_checked, 0, G_N_ELEMENTS(slot_counts));
	tcase_add_loop_test(tcase, content_that_is_not_its_id_is_told, 0,
			    G_N_ELEMENTS(slot_counts));
	tcase_add_test(tcase, what_two_snapshots_share_is_checked_once);
	tcase_add_test(tcase, a_damaged_pack_is_told_once);
	tcase_add_test(tcase, endless_damage_is_cut_short_and_says_so);
	tcase_add_test(tcase, a_pack_that_is_lost_meanwhile_is_told);
	tcase_add_test(tcase, a_missing_pack_is_remembered);
	tcase_add_test(tcase, what_no_snapshot_uses_is_read);
	tcase_add_test(tcase, what_no_snapshot_uses_may_go_meanwhile);
	tcase_add_test(tcase, what_no_snapshot_uses_may_go_before_it_is_read);
	tcase_add_test(tcase, a_store_that_is_away_excuses_nothing);
	tcase_add_test(tcase, a_listing_that_fails_excuses_nothing);
	tcase_add_test(tcase, a_pack_of_a_map_is_not_called_unused);
	tcase_add_test(tcase, what_a_lost_map_may_need_is_not_called_unused);
	tcase_add_test(tcase, what_is_beside_a_missing_slot_is_not_called_unused);
	tcase_add_test(tcase, a_generation_may_make_up_for_a_damaged_one);
	tcase_add_test(tcase, a_damaged_generation_beside_another_is_reported);
}

int main(void)
{
	return run_image_tests("vault-check", add);
}
