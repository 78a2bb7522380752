/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Damaged packs with parity: two shards of any kind come back, and the end if one copy of it is
 * sound. More than that is an error. What is read is right, and each pack is told once.
 */
#include "codec.h"
#include "errors.h"
#include "frame.h"
#include "hasher.h"
#include "interrupt.h"
#include "mend-log.h"
#include "pack-cache.h"
#include "pack-writer.h"
#include "parity-end.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_BLOCKS 6
#define SHARD    4096u

static VkPackContext context = {.vault_id = "vault-id-16bytes", .parity = TRUE};
static const guint8 session_id[VK_ID_SIZE] = "session-id-16byt";

static GRand *seeded;
static char *directory;
static VkStore *store;
static guint8 blocks[N_BLOCKS][VK_BLOCK_SIZE];
static VkPackId pack;
static char *path, *object;
static guint8 *sound, *bytes; /* the pack's object as it was written, and as it is now */
static gsize length;
static VkParityLayout layout;
static guint warnings;
static char *warning;

static void ignore_slot(gpointer user, const VkBlockId *id, const VkPackId *of, guint32 slot)
{
}

static void ignore_pack(gpointer user, const VkPackId *of, gboolean ok)
{
}

static void note_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_free(warning);
	warning = g_strdup_vprintf(format, args);
	va_end(args);
	warnings++;
}

static VkPackId write_pack(void)
{
	static const VkPackCalls calls = {.on_slot = ignore_slot, .on_done = ignore_pack};
	VkPackWriter *writer = vk_pack_writer_new(store, &context, session_id, &calls, NULL);
	g_autoptr(VkHasher) hasher = vk_hasher_new(NULL);
	VkCodec *codec = vk_codec_new(1);
	VkPackId id = vk_pack_writer_id(writer);

	for (guint i = 0; i < N_BLOCKS; i++) {
		VkNewSlot slot = {.kind = VK_SLOT_KIND_DATA, .length = VK_BLOCK_SIZE};

		for (gsize j = 0; j < VK_BLOCK_SIZE; j++)
			blocks[i][j] = (guint8)(i % 2 ? g_rand_int(seeded) : j / 64 + i);
		slot.id = vk_hasher_id(hasher, blocks[i], VK_BLOCK_SIZE);
		slot.bytes = vk_codec_encode(codec, blocks[i], VK_BLOCK_SIZE, &slot.stored_length,
					     &slot.compression);
		vk_pack_writer_append(writer, &slot);
	}
	ck_assert(vk_pack_writer_send(writer, NULL));
	ck_assert(vk_pack_writer_wait(writer, NULL));
	vk_codec_free(codec);
	vk_pack_writer_free(writer);
	return id;
}

static void setup(void)
{
	static const char *const folders[] = {"packs", "tmp", NULL};
	g_autofree VkParityEnd *end = g_new(VkParityEnd, 1);
	gboolean whole;

	directory = temp_directory_new();
	store = vk_store_dir_new(directory, folders, NULL);
	pack = write_pack();
	object = vk_pack_object(&pack, 0);
	path = g_build_filename(directory, object, NULL);
	ck_assert(g_file_get_contents(path, (char **)&sound, &length, NULL));
	bytes = g_memdup2(sound, length);
	ck_assert(vk_parity_end_find(store, &context, &pack, object, end, &layout, &whole, NULL));
	ck_assert(whole);
	ck_assert_uint_eq(layout.shard_size, SHARD);
	context.mend_log = vk_mend_log_new();
	vk_mend_log_set_warn(context.mend_log, note_warning);
	warnings = 0;
}

static void teardown(void)
{
	vk_mend_log_free(context.mend_log);
	context.parity = TRUE;
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
	g_free(object);
	g_free(path);
	g_free(sound);
	g_free(bytes);
	g_clear_pointer(&warning, g_free);
}

/* Shards with a number from that of the last on: the first copy of the end, then the second. */
static guint n_shards(void)
{
	return layout.data + VK_PARITY_SHARDS;
}

static void damage(guint shard)
{
	guint64 at = shard < n_shards()    ? vk_parity_shard_offset(&layout, shard)
		     : shard == n_shards() ? layout.covered
					   : length - sizeof(VkParityEnd);

	/* Somewhere within it. */
	bytes[at + (gsize)g_rand_int_range(seeded, 0, SHARD)] ^=
		(guint8)g_rand_int_range(seeded, 1, 256);
}

static void damage_end(guint copy)
{
	guint64 at = copy == 0 ? layout.covered : length - sizeof(VkParityEnd);

	memset(bytes + at, 0, sizeof(VkParityEnd));
}

static void write_bytes(gsize n)
{
	ck_assert(g_file_set_contents(path, (char *)bytes, (gssize)n, NULL));
}

/* In the file that a reader may have open. */
static void overwrite_bytes(void)
{
	FILE *file;

	ck_assert_int_eq(g_chmod(path, 0600), 0);
	file = fopen(path, "r+b");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

static void restore(void)
{
	memcpy(bytes, sound, length);
}

/* By readers that have not seen the pack before. How many blocks are there; these must be right. */
static guint count_readable_with(const VkStoreOps *ops)
{
	VkStore *fresh = vk_store_dir_new(directory, NULL, NULL);
	const VkStoreOps *plain = fresh->ops;
	VkPackCache *cache;
	guint8 buf[VK_BLOCK_SIZE];
	guint readable = 0;

	if (ops)
		fresh->ops = ops;
	cache = vk_pack_cache_new(fresh, &context);
	for (guint i = 0; i < N_BLOCKS; i++) {
		g_autoptr(GError) error = NULL;
		gsize got;

		if (vk_pack_cache_read(cache, &pack, i, VK_SLOT_KIND_DATA, buf, &got, NULL,
				       &error)) {
			ck_assert_uint_eq(got, VK_BLOCK_SIZE);
			ck_assert(memcmp(buf, blocks[i], got) == 0);
			readable++;
		}
	}
	vk_pack_cache_free(cache);
	fresh->ops = plain;
	fresh->ops->free(fresh);
	return readable;
}

static guint count_readable(void)
{
	return count_readable_with(NULL);
}

START_TEST(a_sound_pack_tells_nothing)
{
	g_autoptr(GPtrArray) list = NULL;

	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert(vk_mending_check(store, &context, &pack, object, NULL));
	ck_assert_uint_eq(warnings, 0);
	list = vk_mend_log_list(context.mend_log);
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
			write_bytes(length);
			ck_assert_msg(count_readable() == N_BLOCKS, "shards %u and %u", a, b);
			restore();
		}
}
END_TEST

START_TEST(three_are_an_error_as_without)
{
	for (guint i = 0; i < 100; i++) {
		guint first = (guint)g_rand_int_range(seeded, 0, (gint32)layout.data - 2);

		damage(first);
		damage(first + 1);
		damage(first + 2);
		write_bytes(length);
		ck_assert_uint_lt(count_readable(), N_BLOCKS);
		restore();
	}
	ck_assert_uint_eq(warnings, 0);
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
	write_bytes(length);
	ck_assert_uint_ge(count_readable(), N_BLOCKS - 3);
	ck_assert_uint_lt(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(warnings, _i);
}
END_TEST

START_TEST(a_pack_is_told_once)
{
	g_autoptr(GPtrArray) list = NULL;

	damage(layout.data / 2);
	write_bytes(length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert(vk_mending_check(store, &context, &pack, object, NULL));
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(warning, object));
	ck_assert_ptr_nonnull(strstr(warning, "is damaged in 1 of its "));
	list = vk_mend_log_list(context.mend_log);
	ck_assert_uint_eq(list->len, 1);
	ck_assert_str_eq(list->pdata[0], object);
}
END_TEST

/* Nobody needs it now, so that only a check sees it. */
START_TEST(damaged_parity_is_found_by_a_check)
{
	damage(layout.data);
	write_bytes(length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(warnings, 0);
	ck_assert(vk_mending_check(store, &context, &pack, object, NULL));
	ck_assert_uint_eq(warnings, 1);
}
END_TEST

START_TEST(a_lost_copy_of_the_end_is_found_by_a_check)
{
	damage_end((guint)_i);
	write_bytes(length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	/* The second copy has the trailer. */
	ck_assert_uint_eq(warnings, _i);
	ck_assert(vk_mending_check(store, &context, &pack, object, NULL));
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(warning, "copies"));
}
END_TEST

START_TEST(without_both_copies_of_the_end_all_is_lost)
{
	damage_end(0);
	damage_end(1);
	write_bytes(length);
	ck_assert_uint_eq(count_readable(), 0);
	ck_assert_uint_eq(warnings, 0);
	ck_assert(vk_mending_check(store, &context, &pack, object, NULL));
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(warning, "no parity"));
}
END_TEST

/* What is missing counts as damaged. */
START_TEST(a_truncated_pack_comes_back_as_far_as_two_shards)
{
	gsize parity = length - layout.covered;

	for (gsize cut = 1; cut < parity - sizeof(VkParityEnd); cut += 1 + cut / 3) {
		write_bytes(length - cut);
		ck_assert_msg(count_readable() == N_BLOCKS, "%zu bytes are missing", cut);
	}
	write_bytes(layout.covered);
	ck_assert_uint_eq(count_readable(), 0);
}
END_TEST

START_TEST(three_damaged_shards_fail_a_check)
{
	g_autoptr(GError) error = NULL;

	damage(0);
	damage(layout.data);
	damage(layout.data + 1);
	write_bytes(length);
	ck_assert(!vk_mending_check(store, &context, &pack, object, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, "in 3 of its "));
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

static const VkStoreOps *plain;
static guint64 unreadable; /* the sector there gives an error of the disk */

static gboolean failing_get(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
			    GError **error)
{
	if (offset < unreadable + SHARD && offset + n > unreadable)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': it is a test", name);
	return plain->get(of, name, offset, buf, n, error);
}

START_TEST(a_sector_that_cannot_be_read_is_damage)
{
	VkStoreOps failing = *store->ops;

	plain = store->ops;
	failing.get = failing_get;
	for (guint shard = 0; shard < length / SHARD; shard++) {
		unreadable = (guint64)shard * SHARD;
		ck_assert_msg(count_readable_with(&failing) == N_BLOCKS, "sector %u", shard);
	}
}
END_TEST

static gint gets_until_outage; /* that still work; G_MAXINT: there is no outage */

static gboolean get_until_outage(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
				 GError **error)
{
	if (gets_until_outage == 0)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': it is a test", name);
	gets_until_outage -= gets_until_outage < G_MAXINT;
	return plain->get(of, name, offset, buf, n, error);
}

/* The second block, which lies in many shards. */
static gboolean read_second(VkPackCache *cache)
{
	guint8 buf[VK_BLOCK_SIZE];
	gsize got;

	return vk_pack_cache_read(cache, &pack, 1, VK_SLOT_KIND_DATA, buf, &got, NULL, NULL) &&
	       got == VK_BLOCK_SIZE && memcmp(buf, blocks[1], got) == 0;
}

/* The table stays in the cache meanwhile. The outage begins after any read. */
START_TEST(an_outage_is_no_answer)
{
	VkStoreOps failing = *store->ops;
	guint last = (guint)(length / SHARD) + 2;

	plain = store->ops;
	failing.get = get_until_outage;
	store->ops = &failing;
	for (guint after = 0; after < last; after++) {
		VkPackCache *cache = vk_pack_cache_new(store, &context);

		overwrite_bytes();
		gets_until_outage = G_MAXINT;
		ck_assert(read_second(cache));
		damage(4);
		overwrite_bytes();
		gets_until_outage = (gint)after;
		read_second(cache);
		gets_until_outage = G_MAXINT;
		ck_assert_msg(read_second(cache), "an outage after %u reads", after);
		vk_pack_cache_free(cache);
		restore();
	}
	store->ops = plain;
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(warning, "in 1 of its "));
}
END_TEST

static guint gets, heads; /* that failed */

static gboolean get_nothing(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
			    GError **error)
{
	gets++;
	return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': it is a test", name);
}

static gboolean head_and_count(VkStore *of, const char *name, guint64 *ret_size, gint64 *ret_stored,
			       GError **error)
{
	heads++;
	return plain->head(of, name, ret_size, ret_stored, error);
}

/* It answers each time late: many requests for each block would be hours. */
START_TEST(a_store_that_fails_is_asked_a_few_times)
{
	VkStoreOps failing = *store->ops;
	VkPackCache *cache = vk_pack_cache_new(store, &context);

	plain = store->ops;
	ck_assert(read_second(cache));
	failing.get = get_nothing;
	failing.head = head_and_count;
	store->ops = &failing;
	gets = heads = 0;
	for (guint i = 0; i < 10; i++)
		ck_assert(!read_second(cache));
	ck_assert_uint_eq(heads, 1);
	ck_assert_uint_le(gets, 10 + VK_PARITY_SHARDS + 1);
	store->ops = plain;
	ck_assert(read_second(cache));
	vk_pack_cache_free(cache);
}
END_TEST

/* All from the parity on gives errors of the disk, but for the first copy of the end. */
static gboolean get_no_tail(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
			    GError **error)
{
	if (offset + n > layout.covered + sizeof(VkParityEnd))
		return get_nothing(of, name, offset, buf, n, error);
	return plain->get(of, name, offset, buf, n, error);
}

START_TEST(a_tail_that_cannot_be_read_hides_no_end)
{
	VkStoreOps failing = *store->ops;
	g_autofree VkParityEnd *end = g_new(VkParityEnd, 1);
	VkParityLayout found;
	gboolean whole;

	plain = store->ops;
	failing.get = get_no_tail;
	store->ops = &failing;
	ck_assert(vk_parity_end_find(store, &context, &pack, object, end, &found, &whole, NULL));
	ck_assert(!whole);
	ck_assert_uint_eq(found.covered, layout.covered);
	store->ops = plain;
}
END_TEST

START_TEST(an_interruption_is_no_answer)
{
	VkPackCache *cache = vk_pack_cache_new(store, &context);

	ck_assert(read_second(cache));
	damage(4);
	overwrite_bytes();
	vk_set_interrupted(TRUE);
	ck_assert(!read_second(cache));
	vk_set_interrupted(FALSE);
	ck_assert(read_second(cache));
	vk_pack_cache_free(cache);
}
END_TEST

/* What cannot be read now may be sound. */
START_TEST(an_outage_is_no_damage)
{
	VkStoreOps failing = *store->ops;

	plain = store->ops;
	failing.get = get_until_outage;
	store->ops = &failing;
	for (gint after = 0; after < (gint)(length / SHARD) - 4; after++) {
		g_autoptr(GError) error = NULL;

		gets_until_outage = after;
		ck_assert(!vk_mending_check(store, &context, &pack, object, &error));
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	}
	store->ops = plain;
	ck_assert_uint_eq(warnings, 0);
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

	memcpy(kept, blocks, sizeof(blocks));
	if (_i == 1)
		memcpy(context.vault_id, "other-vault-16by", VK_ID_SIZE);
	id = write_pack();
	memcpy(context.vault_id, "vault-id-16bytes", VK_ID_SIZE);
	memcpy(blocks, kept, sizeof(blocks));
	g_free(object);
	object = vk_pack_object(&id, 0);
	other_path = g_build_filename(directory, object, NULL);
	ck_assert(g_file_get_contents(other_path, (char **)&other, &other_length, NULL));
	ck_assert_uint_eq(other_length, length);
	memcpy(bytes + layout.covered, other + layout.covered, length - layout.covered);
	/* The trailer says where the own table is. */
	memcpy(bytes + length - sizeof(VkPackTrailer), sound + length - sizeof(VkPackTrailer),
	       sizeof(VkPackTrailer));
	write_bytes(length);
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	damage(2);
	write_bytes(length);
	ck_assert_uint_lt(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

/* As by an earlier version, which reads such a pack. */
START_TEST(a_reader_that_knows_no_parity_reads_the_pack)
{
	context.parity = FALSE;
	ck_assert_uint_eq(count_readable(), N_BLOCKS);
	damage(1);
	write_bytes(length);
	ck_assert_uint_lt(count_readable(), N_BLOCKS);
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

/* No sector holds parts of two shards, or of a shard and a copy of the end. */
START_TEST(any_two_sectors_may_be_lost)
{
	for (guint i = 0; i < 300; i++) {
		guint sectors = (guint)(length / SHARD);
		guint a = (guint)g_rand_int_range(seeded, 0, (gint32)sectors);
		guint b = (guint)g_rand_int_range(seeded, 0, (gint32)sectors);

		if (a == layout.data && b == sectors - 1)
			continue;
		if (b == layout.data && a == sectors - 1)
			continue;
		memset(bytes + (gsize)a * SHARD, 0xff, SHARD);
		memset(bytes + (gsize)b * SHARD, 0x55, SHARD);
		write_bytes(length);
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
			gsize at = length - 1 - (gsize)g_rand_int_range(seeded, 0, 80);

			bytes[at] = (guint8)g_rand_int(seeded);
			bytes[layout.covered + sizeof(VkParityEnd) - (length - at)] = bytes[at];
		}
		write_bytes(length);
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
	tcase_add_test(tcase, a_sector_that_cannot_be_read_is_damage);
	tcase_add_test(tcase, an_outage_is_no_answer);
	tcase_add_test(tcase, a_store_that_fails_is_asked_a_few_times);
	tcase_add_test(tcase, a_tail_that_cannot_be_read_hides_no_end);
	tcase_add_test(tcase, an_interruption_is_no_answer);
	tcase_add_test(tcase, an_outage_is_no_damage);
	tcase_add_loop_test(tcase, parity_of_another_pack_gives_nothing, 0, 2);
	tcase_add_test(tcase, a_reader_that_knows_no_parity_reads_the_pack);
	tcase_add_test(tcase, any_two_sectors_may_be_lost);
	tcase_add_test(tcase, a_hostile_end_does_no_harm);
}

int main(void)
{
	Suite *suite = suite_create("mending");
	TCase *tcase = tcase_create("mending");
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
