/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chain of a guest's snapshots: what a host notices of what is held back, and what it does not.
 */
#include "catalog-chain.h"
#include "catalog-priv.h"
#include "checked-json.h"
#include "collect.h"
#include "json.h"
#include "session.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UUID "11111111-2222-3333-4444-555555555555"

static VaultDir dir;
static char *memory;
static char *warning; /* the last one; NULL: none */

static void note_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void note_warning(const char *format, ...)
{
	va_list args;

	g_free(warning);
	va_start(args, format);
	warning = g_strdup_vprintf(format, args);
	va_end(args);
}

static void set_up(void)
{
	vault_dir_new(&dir);
	memory = g_build_filename(dir.path, "state", "memory.sqlite", NULL);
	vk_vault_set_memory(dir.vault, memory);
	vk_vault_set_warn(dir.vault, note_warning);
	warning = NULL;
}

static void tear_down(void)
{
	vault_dir_clear(&dir);
	g_free(memory);
	g_clear_pointer(&warning, g_free);
}

/* Commits a snapshot of this day. */
static VkSnapshot *take(guint day)
{
	g_autofree char *time = g_strdup_printf("202601%02uT120000Z", day);
	VkSnapshot *snapshot = make_snapshot(UUID, time, vk_image_record_new(65536));
	g_autoptr(VkSession) session = vk_session_new(dir.vault, 1, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_msg(session && vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	return snapshot;
}

static void take_days(guint first, guint last)
{
	for (guint day = first; day <= last; day++)
		vk_snapshot_free(take(day));
}

static VkSnapshotKey *key_of_day(guint day)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(dir.vault, UUID, NULL);
	g_autofree char *time = g_strdup_printf("202601%02uT120000Z", day);

	for (guint i = 0; i < keys->len; i++)
		if (strcmp(((VkSnapshotKey *)keys->pdata[i])->time, time) == 0)
			return g_ptr_array_steal_index(keys, i);
	ck_abort_msg("no snapshot of day %u", day);
	return NULL;
}

static char *path_of_day(guint day)
{
	g_autoptr(VkSnapshotKey) key = key_of_day(day);
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);

	return test_vault_path(dir.vault, object);
}

/* The store does not show it any more. */
static void hold_back(guint day)
{
	g_autofree char *path = path_of_day(day);

	ck_assert_int_eq(unlink(path), 0);
}

static void forget(guint day)
{
	g_autoptr(VkSnapshotKey) key = key_of_day(day);

	ck_assert(vk_catalog_forget(dir.vault, key, NULL, NULL));
}

static void collect(void)
{
	const VkCollectOptions options = {0};
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	ck_assert_msg(vk_collect(dir.vault, &options, &result, &error), "%s",
		      error ? error->message : "");
}

static void check_missing(const char *time)
{
	g_autoptr(GPtrArray) texts = vk_chain_missing(dir.vault, NULL);
	g_autoptr(GPtrArray) checked = vk_chain_check(dir.vault, NULL, NULL);

	ck_assert_uint_eq(texts->len, time ? 1 : 0);
	ck_assert_uint_eq(checked->len, texts->len);
	if (time)
		ck_assert_msg(strstr(texts->pdata[0], time) != NULL, "%s", (char *)texts->pdata[0]);
}

/* Who opens the hints has that mutex, for as long as reading all packs takes. */
START_TEST(a_snapshot_is_loaded_while_hints_are_opened)
{
	g_autoptr(VkSnapshot) taken = take(1);
	g_autoptr(VkSnapshotKey) key = key_of_day(1);
	g_autoptr(VkSnapshot) loaded = NULL;
	VkChainLink *link;

	g_mutex_lock(&dir.vault->mutex);
	loaded = vk_catalog_load(dir.vault, key, NULL);
	link = vk_catalog_load_link(dir.vault, key);
	g_mutex_unlock(&dir.vault->mutex);
	ck_assert_ptr_nonnull(loaded);
	ck_assert_str_eq(link->id, taken->id);
	vk_chain_link_free(link);
}
END_TEST

START_TEST(each_has_the_next_number_and_names_the_one_before)
{
	g_autoptr(VkSnapshot) one = take(1), two = take(2);
	g_autoptr(VkSnapshotKey) key = key_of_day(2);
	g_autoptr(VkSnapshot) loaded = vk_catalog_load(dir.vault, key, NULL);
	g_autofree char *object = vk_snapshot_key_object(UUID, one->time, one->id), *sum = NULL;
	g_autoptr(json_t) json = vk_checked_json_get_sum(dir.vault->store, object, &sum, NULL);

	ck_assert_ptr_nonnull(json);
	ck_assert_uint_eq(one->number, 1);
	ck_assert_ptr_null(one->previous);
	ck_assert_uint_eq(loaded->number, 2);
	ck_assert_str_eq(loaded->previous, one->id);
	ck_assert_str_eq(loaded->previous_sha256, sum);
	check_missing(NULL);
}
END_TEST

START_TEST(the_newest_that_is_held_back_is_named)
{
	take_days(1, 3);
	hold_back(3);
	check_missing("20260103T120000Z");
	hold_back(2);
	check_missing("20260103T120000Z");
	hold_back(1);
	check_missing("20260103T120000Z");
}
END_TEST

START_TEST(a_backup_says_it_once)
{
	g_autoptr(VkSnapshot) four = NULL, five = NULL;

	take_days(1, 3);
	ck_assert_ptr_null(warning);
	hold_back(3);
	four = take(4);
	ck_assert_ptr_nonnull(warning);
	ck_assert_ptr_nonnull(strstr(warning, "'guest@20260103T120000Z'"));
	ck_assert_uint_eq(four->number, 4);
	g_clear_pointer(&warning, g_free);
	five = take(5);
	ck_assert_ptr_null(warning);
	check_missing(NULL);
}
END_TEST

START_TEST(what_a_collection_removed_is_not_missed)
{
	g_autoptr(VkSnapshot) next = NULL;

	take_days(1, 4);
	forget(2);
	forget(4);
	check_missing(NULL);
	collect();
	check_missing(NULL);
	/* And the guest as a whole. */
	forget(1);
	forget(3);
	collect();
	check_missing(NULL);
	next = take(5);
	ck_assert_uint_eq(next->number, 5);
	ck_assert_ptr_null(warning);
	hold_back(5);
	check_missing("20260105T120000Z");
}
END_TEST

static void collect_damaged(guint day)
{
	g_autofree char *path = path_of_day(day);

	ck_assert(g_file_set_contents(path, "{}", -1, NULL));
	forget(day);
	collect();
}

START_TEST(a_damaged_snapshot_without_others_is_not_missed_when_collected)
{
	take_days(1, 1);
	collect_damaged(1);
	check_missing(NULL);
}
END_TEST

START_TEST(a_damaged_end_behind_a_gap_is_not_missed_when_collected)
{
	take_days(1, 3);
	forget(2);
	collect();
	collect_damaged(3);
	check_missing(NULL);
}
END_TEST

START_TEST(a_damaged_end_that_was_collected_is_not_missed)
{
	take_days(1, 3);
	collect_damaged(3);
	check_missing(NULL);
}
END_TEST

START_TEST(one_that_is_not_the_newest_is_not_missed)
{
	take_days(1, 3);
	hold_back(2);
	check_missing(NULL);
}
END_TEST

/* An earlier version gives no numbers, and nothing says that it did not collect. */
START_TEST(what_an_earlier_version_put_is_believed)
{
	g_autoptr(VkSnapshot) other =
		make_snapshot(UUID, "20260104T120000Z", vk_image_record_new(65536));
	g_autofree char *object = vk_snapshot_key_object(UUID, other->time, other->id);
	g_autoptr(json_t) json = vk_snapshot_to_json(other);

	take_days(1, 3);
	ck_assert(vk_checked_json_put(dir.vault->store, object, json, VK_PUT_NOW, NULL));
	hold_back(3);
	check_missing(NULL);
}
END_TEST

/* Another object, which is sound by itself, under the name of the one of this day. */
static void replace(guint day)
{
	g_autoptr(VkSnapshotKey) key = key_of_day(day);
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autofree char *path = test_vault_path(dir.vault, object);
	g_autoptr(json_t) json = vk_checked_json_get(dir.vault->store, object, NULL);

	ck_assert_int_eq(unlink(path), 0);
	json_object_set_new(json, "host", json_string("another"));
	ck_assert(vk_checked_json_put(dir.vault->store, object, json, VK_PUT_NOW, NULL));
}

static void check_replaced(const char *name)
{
	g_autoptr(GPtrArray) texts = vk_chain_check(dir.vault, NULL, NULL);

	ck_assert_uint_eq(texts->len, 1);
	ck_assert_msg(strstr(texts->pdata[0], name) && strstr(texts->pdata[0], "in its place"),
		      "%s", (char *)texts->pdata[0]);
}

START_TEST(one_that_was_replaced_is_named)
{
	take_days(1, 3);
	replace(2);
	check_replaced("'guest@20260102T120000Z'");
}
END_TEST

START_TEST(the_newest_that_was_replaced_is_named)
{
	take_days(1, 3);
	replace(3);
	check_replaced("'guest@20260103T120000Z'");
}
END_TEST

/* Nothing follows the newest, so only who has seen it knows. */
START_TEST(without_a_memory_the_vault_is_believed)
{
	take_days(1, 3);
	hold_back(3);
	ck_assert_int_eq(unlink(memory), 0);
	vk_vault_set_memory(dir.vault, memory);
	check_missing(NULL);
	/* From now on. */
	hold_back(2);
	check_missing("20260102T120000Z");
}
END_TEST

START_TEST(a_damaged_memory_begins_anew)
{
	take_days(1, 2);
	ck_assert(g_file_set_contents(memory,
				      "this is no file of SQLite, but it is long enough "
				      "to be taken for one that was damaged",
				      -1, NULL));
	vk_vault_set_memory(dir.vault, memory);
	check_missing(NULL);
	vk_vault_set_memory(dir.vault, memory);
	take_days(3, 3);
	hold_back(3);
	check_missing("20260103T120000Z");
}
END_TEST

START_TEST(without_a_place_nothing_is_remembered)
{
	vk_vault_set_memory(dir.vault, "/dev/null/memory");
	take_days(1, 2);
	hold_back(2);
	check_missing(NULL);
}
END_TEST

/* The host remembers nothing, and the newest is removed between the listing and its use. */
START_TEST(a_note_that_came_after_the_listing_counts)
{
	g_autofree char *other = g_build_filename(dir.path, "state", "other.sqlite", NULL);
	g_autoptr(VkSnapshot) next =
		make_snapshot(UUID, "20260103T120000Z", vk_image_record_new(65536));
	g_autoptr(GPtrArray) names = NULL;
	g_autoptr(GPtrArray) keys = NULL;

	take_days(1, 2);
	vk_vault_set_memory(dir.vault, other);
	names = dir.vault->store->ops->list(dir.vault->store, "snaps/" UUID, NULL);
	keys = vk_catalog_list_of(dir.vault, UUID, names);
	ck_assert_uint_eq(keys->len, 2);
	forget(2);
	collect();
	vk_chain_extend(dir.vault, keys, names, next);
	ck_assert_uint_eq(next->number, 3);
}
END_TEST

/* Only who has a key can put the note that a collection puts. */
START_TEST(a_forged_note_is_not_believed)
{
	g_autofree char *path =
		test_vault_path(dir.vault, "snaps/" UUID "/reached-00000000000000ff");

	take_days(1, 2);
	hold_back(2);
	ck_assert(g_file_set_contents(path, "{\"number\":255}\n", -1, NULL));
	check_missing("20260102T120000Z");
}
END_TEST

/* What a writer commits who does not know what others have. */
static void put_numbered(guint day, guint64 number)
{
	g_autofree char *time = g_strdup_printf("202601%02uT120000Z", day);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, time, vk_image_record_new(65536));
	g_autofree char *object = vk_snapshot_key_object(UUID, time, snapshot->id);
	g_autoptr(json_t) json = NULL;

	snapshot->number = number;
	json = vk_snapshot_to_json(snapshot);
	ck_assert(vk_checked_json_put(dir.vault->store, object, json, VK_PUT_NOW, NULL));
	check_missing(NULL);
}

START_TEST(the_highest_number_that_is_not_the_newest_is_not_missed)
{
	put_numbered(1, 8);
	put_numbered(2, 9);
	put_numbered(3, 7);
	forget(1);
	forget(2);
	collect();
	check_missing(NULL);
}
END_TEST

/* Not even by its object, for it is damaged. */
START_TEST(the_highest_number_that_is_damaged_is_not_missed)
{
	put_numbered(1, 8);
	put_numbered(2, 9);
	put_numbered(3, 7);
	collect_damaged(2);
	check_missing(NULL);
}
END_TEST

START_TEST(older_ones_that_go_leave_no_note)
{
	g_autofree char *path = test_vault_path(dir.vault, "snaps/" UUID);
	g_autoptr(GDir) folder = NULL;
	const char *name;

	take_days(1, 3);
	forget(1);
	forget(2);
	collect();
	folder = g_dir_open(path, 0, NULL);
	while ((name = g_dir_read_name(folder)))
		ck_assert(!g_str_has_prefix(name, "reached-"));
}
END_TEST

START_TEST(behind_the_highest_number_of_all_the_chain_goes_on)
{
	g_autoptr(VkSnapshot) next = NULL;

	put_numbered(1, VK_CHAIN_NUMBER_MAX - 1);
	take_days(2, 3);
	next = take(4);
	ck_assert_uint_eq(next->number, VK_CHAIN_NUMBER_MAX);
	ck_assert_ptr_null(warning);
	check_missing(NULL);
	forget(2);
	collect();
	check_missing(NULL);
	forget(3);
	forget(4);
	collect();
	check_missing(NULL);
}
END_TEST

START_TEST(one_of_the_highest_number_of_all_that_was_replaced_is_named)
{
	put_numbered(1, VK_CHAIN_NUMBER_MAX);
	take_days(2, 2);
	check_missing(NULL);
	replace(1);
	check_replaced("'guest@20260101T120000Z'");
}
END_TEST

START_TEST(one_guest_is_looked_at_alone)
{
	static const char *const others[] = {"11111111-2222-3333-4444-666666666666", NULL};
	static const char *const own[] = {UUID, NULL};
	g_autoptr(GPtrArray) of_others = NULL, of_own = NULL;

	take_days(1, 2);
	hold_back(2);
	of_others = vk_chain_missing(dir.vault, others);
	of_own = vk_chain_missing(dir.vault, own);
	ck_assert_uint_eq(of_others->len, 0);
	ck_assert_uint_eq(of_own->len, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain");
	TCase *tcase = tcase_create("chain");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_snapshot_is_loaded_while_hints_are_opened);
	tcase_add_test(tcase, each_has_the_next_number_and_names_the_one_before);
	tcase_add_test(tcase, the_newest_that_is_held_back_is_named);
	tcase_add_test(tcase, a_backup_says_it_once);
	tcase_add_test(tcase, what_a_collection_removed_is_not_missed);
	tcase_add_test(tcase, a_damaged_snapshot_without_others_is_not_missed_when_collected);
	tcase_add_test(tcase, a_damaged_end_behind_a_gap_is_not_missed_when_collected);
	tcase_add_test(tcase, a_damaged_end_that_was_collected_is_not_missed);
	tcase_add_test(tcase, one_that_is_not_the_newest_is_not_missed);
	tcase_add_test(tcase, what_an_earlier_version_put_is_believed);
	tcase_add_test(tcase, one_that_was_replaced_is_named);
	tcase_add_test(tcase, the_newest_that_was_replaced_is_named);
	tcase_add_test(tcase, without_a_memory_the_vault_is_believed);
	tcase_add_test(tcase, a_damaged_memory_begins_anew);
	tcase_add_test(tcase, without_a_place_nothing_is_remembered);
	tcase_add_test(tcase, a_note_that_came_after_the_listing_counts);
	tcase_add_test(tcase, a_forged_note_is_not_believed);
	tcase_add_test(tcase, the_highest_number_that_is_not_the_newest_is_not_missed);
	tcase_add_test(tcase, the_highest_number_that_is_damaged_is_not_missed);
	tcase_add_test(tcase, older_ones_that_go_leave_no_note);
	tcase_add_test(tcase, behind_the_highest_number_of_all_the_chain_goes_on);
	tcase_add_test(tcase, one_of_the_highest_number_of_all_that_was_replaced_is_named);
	tcase_add_test(tcase, one_guest_is_looked_at_alone);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
