/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Damaged packs with parity: two shards of any kind come back, and the end if one copy of it is
 * sound. More than that is an error. What is read is right, and each pack is told once.
 */
#include "mending-bed.h"

#include "errors.h"
#include "mend-log.h"
#include "pack-name.h"

#include <string.h>

START_TEST(a_sound_pack_tells_nothing)
{
	g_autoptr(GPtrArray) list = NULL;

	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert(vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, NULL));
	ck_assert_uint_eq(bed.warnings, 0);
	list = vk_mend_log_list(bed.context.mend_log);
	ck_assert_uint_eq(list->len, 0);
}
END_TEST

START_TEST(any_two_shards_may_be_damaged)
{
	for (guint a = 0; a < n_shards() + 1; a++)
		for (guint b = a + 1; b < n_shards() + 2; b++) {
			if (a == n_shards())
				continue; /* both copies of the end */
			damage(a);
			damage(b);
			write_bytes(bed.length);
			ck_assert_msg(count_readable() == N_BLOCKS, "shards %u and %u", a, b);
			restore();
		}
}
END_TEST

START_TEST(three_are_an_error_as_without)
{
	for (guint i = 0; i < 100; i++) {
		guint first = (guint)g_rand_int_range(bed.seeded, 0, (gint32)bed.layout.data - 2);

		damage(first);
		damage(first + 1);
		damage(first + 2);
		write_bytes(bed.length);
		ck_assert_uint_lt(count_readable(), N_BLOCKS);
		restore();
	}
	ck_assert_uint_eq(bed.warnings, 0);
}
END_TEST

/* The blocks that are not damaged stay readable, even if the trailer has to be found again. */
START_TEST(what_three_leave_is_read)
{
	damage(2);
	damage(20);
	damage(40);
	if (_i == 1)
		damage_end(1);
	write_bytes(bed.length);
	ck_assert_uint_ge(count_readable(), N_BLOCKS - 3);
	ck_assert_uint_lt(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(bed.warnings, _i);
}
END_TEST

START_TEST(a_pack_is_told_once)
{
	g_autoptr(GPtrArray) list = NULL;

	damage(bed.layout.data / 2);
	write_bytes(bed.length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert(vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, NULL));
	ck_assert_uint_eq(bed.warnings, 1);
	ck_assert_ptr_nonnull(strstr(bed.warning, bed.object));
	ck_assert_ptr_nonnull(strstr(bed.warning, "is damaged in 1 of its "));
	list = vk_mend_log_list(bed.context.mend_log);
	ck_assert_uint_eq(list->len, 1);
	ck_assert_str_eq(list->pdata[0], bed.object);
}
END_TEST

/* Nobody needs it now, so that only a check sees it. */
START_TEST(damaged_parity_is_found_by_a_check)
{
	damage(bed.layout.data);
	write_bytes(bed.length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(bed.warnings, 0);
	ck_assert(vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, NULL));
	ck_assert_uint_eq(bed.warnings, 1);
}
END_TEST

START_TEST(a_lost_copy_of_the_end_is_found_by_a_check)
{
	damage_end((guint)_i);
	write_bytes(bed.length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	/* The second copy has the trailer. */
	ck_assert_uint_eq(bed.warnings, _i);
	ck_assert(vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, NULL));
	ck_assert_uint_eq(bed.warnings, 1);
	ck_assert_ptr_nonnull(strstr(bed.warning, "copies"));
}
END_TEST

START_TEST(without_both_copies_of_the_end_all_is_lost)
{
	damage_end(0);
	damage_end(1);
	write_bytes(bed.length);
	ck_assert_uint_eq(count_readable(), 0);
	ck_assert_uint_eq(bed.warnings, 0);
	ck_assert(vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, NULL));
	ck_assert_uint_eq(bed.warnings, 1);
	ck_assert_ptr_nonnull(strstr(bed.warning, "no parity"));
}
END_TEST

/* What is missing counts as damaged. */
START_TEST(a_truncated_pack_comes_back_as_far_as_two_shards)
{
	gsize parity = bed.length - bed.layout.covered;

	for (gsize cut = 1; cut < parity - sizeof(VkParityEnd); cut += 1 + cut / 3) {
		write_bytes(bed.length - cut);
		ck_assert_msg(count_readable() == N_BLOCKS, "%zu bytes are missing", cut);
	}
	write_bytes(bed.layout.covered);
	ck_assert_uint_eq(count_readable(), 0);
}
END_TEST

START_TEST(three_damaged_shards_fail_a_check)
{
	g_autoptr(GError) error = NULL;

	damage(0);
	damage(bed.layout.data);
	damage(bed.layout.data + 1);
	write_bytes(bed.length);
	ck_assert(!vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, "in 3 of its "));
	ck_assert_uint_eq(bed.warnings, 0);
}
END_TEST

/* What lies there is sound, but of another pack or another vault. */
START_TEST(parity_of_another_pack_gives_nothing)
{
	g_autofree char *other_path = NULL;
	g_autofree guint8 *other = NULL;
	guint8 kept[N_BLOCKS][VK_BLOCK_SIZE];
	gsize other_length;
	VkPackId id;

	memcpy(kept, bed.blocks, sizeof(bed.blocks));
	if (_i == 1)
		memcpy(bed.context.vault_id, "other-vault-16by", VK_ID_SIZE);
	id = write_pack();
	memcpy(bed.context.vault_id, "vault-id-16bytes", VK_ID_SIZE);
	memcpy(bed.blocks, kept, sizeof(bed.blocks));
	g_free(bed.object);
	bed.object = vk_pack_object(&id, 0);
	other_path = g_build_filename(bed.directory, bed.object, NULL);
	ck_assert(g_file_get_contents(other_path, (char **)&other, &other_length, NULL));
	ck_assert_uint_eq(other_length, bed.length);
	memcpy(bed.bytes + bed.layout.covered, other + bed.layout.covered,
	       bed.length - bed.layout.covered);
	/* The trailer says where the own table is. */
	memcpy(bed.bytes + bed.length - sizeof(VkPackTrailer),
	       bed.sound + bed.length - sizeof(VkPackTrailer), sizeof(VkPackTrailer));
	write_bytes(bed.length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	damage(2);
	write_bytes(bed.length);
	ck_assert_uint_lt(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(bed.warnings, 0);
}
END_TEST

/* As by an earlier version, which reads such a pack. */
START_TEST(a_reader_that_knows_no_parity_reads_the_pack)
{
	bed.context.parity = FALSE;
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	damage(1);
	write_bytes(bed.length);
	ck_assert_uint_lt(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(bed.warnings, 0);
}
END_TEST

/* No sector holds parts of two shards, or of a shard and a copy of the end. */
START_TEST(any_two_sectors_may_be_lost)
{
	for (guint i = 0; i < 300; i++) {
		guint sectors = (guint)(bed.length / SHARD);
		guint a = (guint)g_rand_int_range(bed.seeded, 0, (gint32)sectors);
		guint b = (guint)g_rand_int_range(bed.seeded, 0, (gint32)sectors);

		if (a == bed.layout.data && b == sectors - 1)
			continue;
		if (b == bed.layout.data && a == sectors - 1)
			continue;
		memset(bed.bytes + (gsize)a * SHARD, 0xff, SHARD);
		memset(bed.bytes + (gsize)b * SHARD, 0x55, SHARD);
		write_bytes(bed.length);
		ck_assert_msg(count_readable() == N_BLOCKS, "sectors %u and %u", a, b);
		restore();
	}
}
END_TEST

/* Bytes of any kind in the end: what is read is right, whatever they say. */
START_TEST(a_hostile_end_does_no_harm)
{
	for (guint i = 0; i < 500; i++) {
		damage(0);
		for (guint n = 0; n < 1 + i % 4; n++) {
			gsize at = bed.length - 1 - (gsize)g_rand_int_range(bed.seeded, 0, 80);

			bed.bytes[at] = (guint8)g_rand_int(bed.seeded);
			bed.bytes[bed.layout.covered + sizeof(VkParityEnd) - (bed.length - at)] =
				bed.bytes[at];
		}
		write_bytes(bed.length);
		count_readable();
		restore();
	}
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_sound_pack_tells_nothing);
	tcase_add_test(tcase, any_two_shards_may_be_damaged);
	tcase_add_test(tcase, three_are_an_error_as_without);
	tcase_add_loop_test(tcase, what_three_leave_is_read, 0, 2);
	tcase_add_test(tcase, a_pack_is_told_once);
	tcase_add_test(tcase, damaged_parity_is_found_by_a_check);
	tcase_add_loop_test(tcase, a_lost_copy_of_the_end_is_found_by_a_check, 0, 2);
	tcase_add_test(tcase, without_both_copies_of_the_end_all_is_lost);
	tcase_add_test(tcase, a_truncated_pack_comes_back_as_far_as_two_shards);
	tcase_add_test(tcase, three_damaged_shards_fail_a_check);
	tcase_add_loop_test(tcase, parity_of_another_pack_gives_nothing, 0, 2);
	tcase_add_test(tcase, a_reader_that_knows_no_parity_reads_the_pack);
	tcase_add_test(tcase, any_two_sectors_may_be_lost);
	tcase_add_test(tcase, a_hostile_end_does_no_harm);
}

int main(void)
{
	return run_mending_tests("mending", add_tests);
}
