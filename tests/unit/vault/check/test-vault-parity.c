/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vault with parity whose packs are damaged: images and checks read through it, and a compacted
 * pack is whole again.
 */
#include "damages.h"
#include "errors.h"
#include "image-bed.h"
#include "mending.h"
#include "pack-compact.h"
#include "pack-name.h"
#include "vault-parts.h"

#include <glib/gstdio.h>
#include <string.h>

#define N_BLOCKS 40u

static MemSource *source;
static VkSnapshot *snapshot;
static VkPackId pack;
static guint warnings;

static void count_warning(const char *format, ...)
{
	warnings++;
}

/* One pack with blocks and map pages. */
static void prepare(void)
{
	source = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	snapshot = commit_one_pack(source, &pack);
	warnings = 0;
}

static void finish(void)
{
	vk_snapshot_free(snapshot);
	vk_source_free(&source->base);
}

static VkVault *open_vault(VkVaultMode mode)
{
	VkVault *opened = vk_vault_open(directory, mode, NULL);

	ck_assert_ptr_nonnull(opened);
	vk_vault_set_warn(opened, count_warning);
	return opened;
}

/* Flips a bit in COUNT places that are far from each other, of a shard each. */
static void damage(const char *object, guint count)
{
	g_autofree char *path = test_vault_path(vault, object);
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	ck_assert_int_eq(g_chmod(path, 0600), 0);
	for (guint i = 0; i < count; i++)
		bytes[200000 + i * 500000] ^= 1;
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

START_TEST(a_damaged_pack_is_read_and_told_once)
{
	g_autoptr(VkVault) reader = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *object = NULL;

	prepare();
	object = vk_pack_object(&pack, 0);
	damage(object, 2);
	reader = open_vault(VK_VAULT_READ);
	check_image(reader, image_of(snapshot), source);
	result = check_guests(reader, NULL, TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_ge(result->blocks, N_BLOCKS);
	ck_assert_uint_eq(result->mended->len, 1);
	ck_assert_str_eq(result->mended->pdata[0], object);
	ck_assert_uint_eq(warnings, 1);
	finish();
}
END_TEST

START_TEST(a_sound_vault_needs_no_parity)
{
	g_autoptr(VkVault) reader = NULL;
	g_autoptr(VkCheckResult) result = NULL;

	prepare();
	reader = open_vault(VK_VAULT_READ);
	result = check_guests(reader, NULL, TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_eq(result->mended->len, 0);
	ck_assert_uint_eq(warnings, 0);
	finish();
}
END_TEST

START_TEST(more_damage_than_parity_gives_back_is_reported)
{
	g_autoptr(VkVault) reader = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *object = NULL;

	prepare();
	object = vk_pack_object(&pack, 0);
	damage(object, 3);
	reader = open_vault(VK_VAULT_READ);
	result = check_guests(reader, NULL, TRUE, NULL);
	/* The pack, three slots of it, and the disk. */
	ck_assert_uint_eq(vk_check_result_count_errors(result), 5);
	ck_assert(damage_says(result, 0, "shards"));
	ck_assert_uint_eq(result->mended->len, 0);
	finish();
}
END_TEST

START_TEST(what_a_patch_has_is_not_missed)
{
	g_autoptr(VkVault) writer = NULL;
	g_autoptr(VkSnapshot) new = NULL;
	g_autoptr(VkCheckResult) before = NULL, after = NULL;
	g_autofree char *object = NULL;
	VkSaveStats stats = {0};

	prepare();
	object = vk_pack_object(&pack, 0);
	damage(object, 3);
	writer = open_vault(VK_VAULT_WRITE);
	before = check_guests(writer, NULL, TRUE, NULL);
	ck_assert_uint_gt(vk_check_result_count_errors(before), 0);
	g_clear_pointer(&vault, vk_vault_free);
	vault = g_steal_pointer(&writer);
	{
		g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);

		new = commit(session, save(session, source, NULL, &stats));
	}
	after = check_guests(vault, NULL, TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(after), 0);
	ck_assert_uint_eq(after->mended->len, 1);
	ck_assert_str_eq(after->mended->pdata[0], object);
	finish();
}
END_TEST

/* What a collector reads of a damaged pack is right, and what it writes has parity of its own. */
START_TEST(a_compacted_pack_is_whole_again)
{
	g_autofree char *first = NULL, *path = NULL, *second = NULL;
	g_autoptr(GPtrArray) tables =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_pack_table_unref);
	g_autoptr(VkVault) collector = NULL;
	VkPackTable *table;
	VkSlots live;
	guint64 expected, size;

	prepare();
	first = vk_pack_object(&pack, 0);
	second = vk_pack_compacted_object(&pack, 1, "0123456789abcdef");
	damage(first, 2);
	collector = open_vault(VK_VAULT_WRITE);
	table = vk_pack_table_load(collector->store, &collector->context, &pack, first, NULL);
	ck_assert_ptr_nonnull(table);
	g_ptr_array_add(tables, table);
	memset(&live, 0xff, sizeof(live));
	for (guint32 slot = table->slots; slot < VK_SLOTS_MAX; slot++)
		live.bits[slot / 8] &= (guint8) ~(1u << (slot % 8));
	expected = vk_pack_compacted_size(&collector->context, tables, &live);
	ck_assert(vk_pack_compact(collector->store, &collector->context, tables, &live, second, 1,
				  NULL, NULL));
	ck_assert_uint_eq(warnings, 1);
	ck_assert(collector->store->ops->head(collector->store, second, &size, NULL, NULL));
	ck_assert_uint_eq(size, expected);

	path = test_vault_path(vault, first);
	ck_assert_int_eq(g_unlink(path), 0);
	check_image(collector, image_of(snapshot), source);
	ck_assert(vk_mending_check(collector->store, &collector->context, &pack, second, NULL));
	ck_assert_uint_eq(warnings, 1);
	damage(second, 2);
	ck_assert(vk_mending_check(collector->store, &collector->context, &pack, second, NULL));
	ck_assert_uint_eq(warnings, 2);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_damaged_pack_is_read_and_told_once);
	tcase_add_test(tcase, a_sound_vault_needs_no_parity);
	tcase_add_test(tcase, more_damage_than_parity_gives_back_is_reported);
	tcase_add_test(tcase, what_a_patch_has_is_not_missed);
	tcase_add_test(tcase, a_compacted_pack_is_whole_again);
}

int main(void)
{
	g_setenv("VK_TEST_PARITY", "1", TRUE);
	return run_image_tests("vault-parity", add_tests);
}
