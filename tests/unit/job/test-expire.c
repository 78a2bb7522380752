/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the retention of array snapshots removes, and what not. */
#include "catalog-pin.h"
#include "catalog.h"
#include "errors.h"
#include "expire-bed.h"
#include "temp-vault.h"
#include "vault-copy.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void set_age(void)
{
	static const char text[] = CONFIG "NTAP_SNAPSHOT_RETENTION_AGE = 1\n";

	vk_settings_free(settings);
	settings = vk_settings_parse(text, strlen(text), "test", NULL);
	ck_assert_ptr_nonnull(settings);
}

/* One that may be as young as it says stays, though those behind it say something else. */
START_TEST(of_two_dates_the_later_counts)
{
	static const gint64 clock[] = {-200000, -50000, -190000, -180000, -170000};

	set_age();
	for (guint i = 0; i < G_N_ELEMENTS(clock); i++)
		list_snapshot(i, clock[i]);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(has_clone(1, "vda") && !has_clone(0, "vda") && !has_clone(2, "vda"));
}
END_TEST

/* Of one that was taken when the clock was of the past the others do not get older. */
START_TEST(a_clock_of_the_past_ages_no_other)
{
	static const gint64 clock[] = {-400, -300, -1000000000, -100};

	set_age();
	for (guint i = 0; i < G_N_ELEMENTS(clock); i++)
		list_snapshot(i, clock[i]);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), G_N_ELEMENTS(clock));
	ck_assert(has_clone(0, "vda") && has_clone(1, "vdb"));
}
END_TEST

START_TEST(keeps_the_newest)
{
	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 2);
	ck_assert(!has_clone(0, "vda") && !has_clone(0, "vdb"));
	ck_assert(has_clone(1, "vda") && has_clone(2, "vdb"));
}
END_TEST

START_TEST(pinned)
{
	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	const VkSnapshotKey *oldest = g_ptr_array_index(keys, 0);
	ck_assert(vk_catalog_pin(vault, oldest, VK_PIN_FOR_GOOD, NULL, NULL));
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(has_clone(0, "vda"));
	ck_assert(vk_catalog_unpin(vault, oldest, NULL));
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 2);
	ck_assert(!has_clone(0, "vda"));
}
END_TEST

/* The clock was ahead for a while: what was taken then must not outlive what is taken now. */
START_TEST(clock_set_back)
{
	list_snapshot(0, 1000000);
	list_snapshot(1, 2000000);
	list_snapshot(2, -100);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 2);
	ck_assert(has_clone(2, "vda"));
	ck_assert(has_clone(1, "vda"));
	ck_assert(!has_clone(0, "vda"));
}
END_TEST

START_TEST(in_the_vault)
{
	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	copy_oldest();
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(!has_clone(0, "vda"));
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	ck_assert(vk_snapshot_is_in_vault(snapshot));
}
END_TEST

/* As another process finds it. */
static void open_anew(void)
{
	g_autofree char *path = g_build_filename(directory, "vault", NULL);

	vk_vault_free(vault);
	vault = vk_vault_open(path, VK_VAULT_WRITE, NULL);
	ck_assert_ptr_nonnull(vault);
}

/* Then nobody knows that it is in the vault. */
START_TEST(copies_cannot_be_read)
{
	g_autofree char *folder = test_vault_path(vault, "copies/" UUID);
	g_autofree char *hidden = g_strconcat(folder, ".hidden", NULL);

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	copy_oldest();
	ck_assert_int_eq(g_rename(folder, hidden), 0);
	ck_assert(g_file_set_contents(folder, "in the way", -1, NULL));
	open_anew();
	ck_assert(!expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(has_clone(0, "vda"));
	ck_assert_int_eq(g_unlink(folder), 0);
	ck_assert_int_eq(g_rename(hidden, folder), 0);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(!has_clone(0, "vda"));
}
END_TEST

/* A removal that stopped after the first disk is gone on with. */
START_TEST(half_removed)
{
	g_autofree char *place = clone_directory(0, "vda");

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	copy_oldest();
	temp_directory_remove(place);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(!has_clone(0, "vdb"));
	ck_assert(has_clone(1, "vda") && has_clone(2, "vda"));
}
END_TEST

/* What the array has only a part of does not stand for one that is whole. */
START_TEST(a_part_takes_no_place)
{
	g_autofree char *place = clone_directory(2, "vda");

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	temp_directory_remove(place);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(has_clone(0, "vda") && has_clone(1, "vda") && has_clone(2, "vdb"));
}
END_TEST

/* Whoever may write beside the images has put a link to somebody else's files there. */
START_TEST(link_in_place)
{
	g_autofree char *place = clone_directory(0, "vda");
	g_autofree char *away = g_build_filename(directory, "away", NULL);

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	ck_assert_int_eq(g_rename(place, away), 0);
	ck_assert_int_eq(symlink(away, place), 0);
	ck_assert(!expire());
	g_autofree char *file = g_build_filename(away, "image", NULL);
	ck_assert(g_file_test(file, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(removed_while_copied)
{
	g_autoptr(GError) error = NULL;

	list_snapshot(0, -100);
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};
	g_autofree char *copies =
		vk_snapshot_copies_object(snapshot->uuid, snapshot->time, snapshot->id);
	g_autofree char *path = g_build_filename(directory, "vault", copies, NULL);

	ck_assert(vk_catalog_delete(vault, &key, NULL));
	ck_assert(!vk_vault_copy(vault, arrays, snapshot, 1, NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

static const VkSnapshotKey *to_be_forgotten;

static gboolean forget_before_the_commit(VkStore *store, const char *call)
{
	g_autofree char *mark = NULL;

	if (!g_pattern_match_simple("put leases/*.commit", call))
		return TRUE;
	mark = g_strdup_printf("snaps/%s/%s-%s.del", to_be_forgotten->uuid, to_be_forgotten->time,
			       to_be_forgotten->id);
	return vk_store_put(store, mark, NULL, 0, VK_PUT_NOW, NULL);
}

/* It may be listed again, and then its copies are there. */
START_TEST(forgotten_while_copied)
{
	VkStore *inner = vault->store;
	WatchedStore *watched = watched_store_new(inner);
	g_autoptr(GError) error = NULL;

	list_snapshot(0, -100);
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};

	to_be_forgotten = &key;
	watched->on_call = forget_before_the_commit;
	vault->store = &watched->base;
	ck_assert(!vk_vault_copy(vault, arrays, snapshot, 1, NULL, &error));
	vault->store = inner;
	watched_store_free(watched);
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(error->message, "forgotten"));
	ck_assert_uint_eq(count_listed(), 0);
	ck_assert(vk_catalog_unforget(vault, &key, NULL));
	g_autoptr(VkSnapshot) again = load_oldest();
	ck_assert(vk_snapshot_is_in_vault(again));
}
END_TEST

START_TEST(forgotten_before_it_is_copied)
{
	g_autoptr(GError) error = NULL;

	list_snapshot(0, -100);
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};

	ck_assert(vk_catalog_forget(vault, &key, NULL, NULL));
	ck_assert(!vk_vault_copy(vault, arrays, snapshot, 1, NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert(vk_catalog_unforget(vault, &key, NULL));
	g_autoptr(VkSnapshot) again = load_oldest();
	ck_assert(!vk_snapshot_is_in_vault(again));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expire");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, expire_setup, expire_teardown);
	tcase_add_test(cases, a_clock_of_the_past_ages_no_other);
	tcase_add_test(cases, of_two_dates_the_later_counts);
	tcase_add_test(cases, keeps_the_newest);
	tcase_add_test(cases, pinned);
	tcase_add_test(cases, clock_set_back);
	tcase_add_test(cases, in_the_vault);
	tcase_add_test(cases, copies_cannot_be_read);
	tcase_add_test(cases, half_removed);
	tcase_add_test(cases, a_part_takes_no_place);
	tcase_add_test(cases, link_in_place);
	tcase_add_test(cases, removed_while_copied);
	tcase_add_test(cases, forgotten_while_copied);
	tcase_add_test(cases, forgotten_before_it_is_copied);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
