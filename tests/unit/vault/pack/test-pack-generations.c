/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packs of which there is another generation than the first, or several, while they are read: any
 * that has a slot is right.
 */
#include "damages.h"
#include "errors.h"
#include "image-bed.h"
#include "pack-compact.h"
#include "pack-name.h"
#include "session-priv.h"
#include "temp-vault.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define N_BLOCKS 12
#define NONE     G_MAXUINT32 /* no slot is dropped */

static MemSource *source;
static VkSnapshot *snapshot;
static VkPackId pack;
static VkVault *reader; /* as another process opens the vault: it has read nothing yet */
static VkStoreOps watched;
static const VkStoreOps *plain;
static guint listings;
static guint table_reads; /* each begins with the header */
static guint blind;       /* so many of the next listings show nothing */

/* What the store does behind the reader's back: NULL, or called with each object before it is read.
 */
static void (*meddle)(const char *name);

static gboolean watched_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	guint64 size;

	table_reads += offset == 0 && length == sizeof(VkPackHeader);
	if (meddle)
		meddle(name);
	/* The store keeps files open; one over a network does not. */
	return plain->head(store, name, &size, NULL, error) &&
	       plain->get(store, name, offset, buf, length, error);
}

static GPtrArray *watched_list(VkStore *store, const char *folder, GError **error)
{
	listings++;
	if (blind > 0) {
		blind--;
		return g_ptr_array_new_with_free_func(g_free);
	}
	return plain->list(store, folder, error);
}

static void prepare(void)
{
	source = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	snapshot = commit_one_pack(source, &pack);
	reader = vk_vault_open(directory, VK_VAULT_READ, NULL);
	plain = reader->store->ops;
	watched = *plain;
	watched.get = watched_get;
	watched.list = watched_list;
	reader->store->ops = &watched;
	listings = 0;
	table_reads = 0;
	blind = 0;
	meddle = NULL;
}

static void finish(void)
{
	vk_vault_free(reader);
	vk_snapshot_free(snapshot);
	vk_source_free(&source->base);
}

static char *path_of(const char *generation)
{
	g_autofree char *first = vk_pack_object(&pack, 0);

	first[strlen(first) - 1] = '\0';
	return g_strdup_printf("%s/%s%s", directory, first, generation);
}

/* Compacts the first generation to another, such as "1-0a", without the slots FROM to TO. */
static void make_generation(const char *generation, guint32 from, guint32 to)
{
	g_autofree char *first = vk_pack_object(&pack, 0);
	g_autofree char *path = path_of(generation);
	const char *name = path + strlen(directory) + 1;
	VkPackTable *table = vk_pack_table_load(vault->store, &vault->context, &pack, first, NULL);
	g_autoptr(GPtrArray) tables =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_pack_table_unref);
	guint32 number = (guint32)strtoul(generation, NULL, 10);
	VkSlots live = {0};

	ck_assert_ptr_nonnull(table);
	g_ptr_array_add(tables, table);
	for (guint32 slot = 0; slot < table->slots; slot++)
		if (from == NONE || slot < from || slot > to)
			live.bits[slot / 8] |= (guint8)(1u << (slot % 8));
	ck_assert(vk_pack_compact(vault->store, &vault->context, tables, &live, name, number, NULL,
				  NULL));
}

static void drop_generation(const char *generation)
{
	g_autofree char *path = path_of(generation);

	ck_assert_int_eq(g_unlink(path), 0);
}

static void expect_readable(void)
{
	check_image(reader, image_of(snapshot), source);
}

static void expect_failure(guint32 slot, const char *text)
{
	guint8 buf[VK_BLOCK_SIZE];
	g_autoptr(GError) error = NULL;
	gsize length;

	ck_assert(!vk_pack_cache_read(reader->packs, &pack, slot, VK_SLOT_KIND_DATA, buf, &length,
				      NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
}

START_TEST(the_first_costs_no_listing)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	expect_readable();
	ck_assert_uint_eq(listings, 0);
	finish();
}
END_TEST

START_TEST(a_later_one_alone_is_enough)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	expect_readable();
	ck_assert_uint_eq(listings, 1);
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
	ck_assert(vk_pack_cache_read(reader->packs, &pack, 5, VK_SLOT_KIND_DATA, buf, &length,
				     &table, NULL));
	ck_assert(g_str_has_suffix(table->object, ".1-0a"));
	expect_failure(3, "has no slot 3");
	/* Of those that it has the reader needs no other generation. */
	listings = 0;
	for (guint32 slot = 5; slot < N_BLOCKS; slot++)
		ck_assert(vk_pack_cache_read(reader->packs, &pack, slot, VK_SLOT_KIND_DATA, buf,
					     &length, NULL, NULL));
	ck_assert_uint_eq(listings, 0);
	finish();
}
END_TEST

/* The collector: one generation goes when the next is there. */
static void replace_first(const char *name)
{
	if (!g_str_has_suffix(name, ".0"))
		return;
	meddle = NULL;
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
}

START_TEST(the_first_may_vanish_before_a_frame_is_read)
{
	g_autoptr(VkPackTable) table = NULL;

	prepare();
	table = vk_pack_cache_get(reader->packs, &pack, NULL);
	ck_assert_ptr_nonnull(table);
	meddle = replace_first;
	expect_readable();
	ck_assert_ptr_null(meddle);
	finish();
}
END_TEST

START_TEST(the_first_may_vanish_while_its_table_is_read)
{
	prepare();
	meddle = replace_first;
	expect_readable();
	ck_assert_ptr_null(meddle);
	finish();
}
END_TEST

static void replace_listed(const char *name)
{
	if (!g_str_has_suffix(name, ".1-0a"))
		return;
	meddle = NULL;
	g_autofree char *old = path_of("1-0a");
	g_autofree char *fresh = path_of("2-0b");

	ck_assert_int_eq(g_rename(old, fresh), 0);
}

START_TEST(a_listed_one_may_vanish)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	meddle = replace_listed;
	expect_readable();
	ck_assert_ptr_null(meddle);
	ck_assert_uint_eq(listings, 2);
	finish();
}
END_TEST

/* The old one was removed, and the new one put, while the names were read. */
START_TEST(a_listing_may_show_none)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	blind = 1;
	expect_readable();
	ck_assert_uint_eq(listings, 2);
	finish();
}
END_TEST

START_TEST(one_that_is_gone_is_missing)
{
	prepare();
	drop_generation("0");
	expect_failure(0, "is missing from the vault");
	ck_assert_uint_le(listings, 10);
	finish();
}
END_TEST

/* Whatever is read is gone, and the next one is there. */
static void always_replace(const char *name)
{
	static guint number;
	g_autofree char *old = g_build_filename(directory, name, NULL);
	g_autofree char *generation = g_strdup_printf("%u-0a", ++number);
	g_autofree char *fresh = path_of(generation);

	ck_assert_int_eq(g_rename(old, fresh), 0);
}

START_TEST(the_search_has_an_end)
{
	prepare();
	meddle = always_replace;
	expect_failure(0, "is missing from the vault");
	ck_assert_uint_le(listings, 10);
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
	vk_vault_free(reader);
	reader = vk_vault_open(directory, VK_VAULT_READ, NULL);
	expect_failure(0, "is truncated");
	finish();
}
END_TEST

static void damage(const char *generation, gsize from, gsize length)
{
	g_autofree char *path = path_of(generation);
	g_autofree char *bytes = NULL;
	gsize size;

	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	memset(bytes + from, 0x5a, MIN(length, size - from));
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

/* Its collector died before it deleted the first. */
START_TEST(a_damaged_first_hides_no_sound_one)
{
	prepare();
	make_generation("1-0a", NONE, 0);
	damage("0", 0, 64);
	expect_readable();
	drop_generation("1-0a");
	vk_vault_free(reader);
	reader = vk_vault_open(directory, VK_VAULT_READ, NULL);
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

			ck_assert(vk_pack_cache_read(reader->packs, &pack, at, VK_SLOT_KIND_DATA,
						     buf, &length, NULL, NULL));
			ck_assert(memcmp(buf, source->bytes + (gsize)at * VK_BLOCK_SIZE, length) ==
				  0);
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
	ck_assert_uint_le(table_reads, 4);
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
	ck_assert_uint_le(table_reads, 2);
	ck_assert_uint_le(listings, 1);
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
	result = check_guests(reader, NULL, TRUE, NULL);
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
	result = check_guests(reader, NULL, TRUE, NULL);
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
	again = save(session, source, NULL, &stats);
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
	table = vk_pack_cache_get(writer->packs, &pack, NULL);
	ck_assert(g_str_has_suffix(table->object, ".0"));
	make_generation("1-0a", NONE, 0);
	drop_generation("0");
	session = vk_session_new(writer, 1, NULL);
	again = save(session, source, NULL, &stats);
	ck_assert_uint_eq(stats.fresh, 0);
	vk_snapshot_free(commit(session, again));
	vk_session_free(session);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, the_first_costs_no_listing);
	tcase_add_test(tcase, a_later_one_alone_is_enough);
	tcase_add_test(tcase, slots_are_read_where_they_are);
	tcase_add_test(tcase, a_slot_that_only_the_older_one_has_is_read);
	tcase_add_test(tcase, the_first_may_vanish_before_a_frame_is_read);
	tcase_add_test(tcase, the_first_may_vanish_while_its_table_is_read);
	tcase_add_test(tcase, a_listed_one_may_vanish);
	tcase_add_test(tcase, a_listing_may_show_none);
	tcase_add_test(tcase, one_that_is_gone_is_missing);
	tcase_add_test(tcase, each_table_is_read_once);
	tcase_add_test(tcase, a_patch_does_not_drive_out_the_first);
	tcase_add_test(tcase, the_search_has_an_end);
	tcase_add_test(tcase, a_damaged_one_is_passed_over);
	tcase_add_test(tcase, a_damaged_first_hides_no_sound_one);
	tcase_add_test(tcase, a_damaged_frame_hides_no_sound_one);
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
