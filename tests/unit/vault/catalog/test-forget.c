/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a forgotten snapshot is hidden from, and the way back. */
#include "catalog.h"

#include "checked-json.h"
#include "damages.h"
#include "errors.h"
#include "io.h"
#include "lease.h"
#include "memory-source.h"
#include "session.h"
#include "vault-parts.h"
#include "vault-dir.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UUID  "11111111-2222-3333-4444-555555555555"
#define OTHER "99999999-2222-3333-4444-555555555555"
#define DAY1  "20261121T120000Z"
#define DAY2  "20261122T120000Z"

static VaultDir dir;
static VkVault *vault;
static VkIo real;

static void setup(void)
{
	real = vk_io;
	vault = vault_dir_new(&dir);
}

static void teardown(void)
{
	vk_io = real;
	vault_dir_clear(&dir);
}

/* Puts a snapshot without an image. Returns its key, which is new. */
static VkSnapshotKey *put(const char *uuid, const char *time)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(uuid, time, vk_image_record_new(0));
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *name = vk_snapshot_key_object(uuid, time, snapshot->id);
	g_autofree char *reference = g_strdup_printf("%s@%s", uuid, time);
	VkSnapshotKey *key;

	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
	key = vk_catalog_find_key(vault, reference, NULL);
	ck_assert_ptr_nonnull(key);
	return key;
}

static char *path_beside(const VkSnapshotKey *key, const char *suffix)
{
	g_autofree char *name =
		g_strdup_printf("snaps/%s/%s-%s.%s", key->uuid, key->time, key->id, suffix);

	return test_vault_path(vault, name);
}

static gboolean has_beside(const VkSnapshotKey *key, const char *suffix)
{
	g_autofree char *path = path_beside(key, suffix);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void put_beside(const VkSnapshotKey *key, const char *suffix)
{
	g_autofree char *path = path_beside(key, suffix);

	ck_assert(g_file_set_contents(path, "", 0, NULL));
}

static guint count(GPtrArray *(*list)(VkVault *, const char *, GError **))
{
	g_autoptr(GPtrArray) keys = list(vault, NULL, NULL);

	return keys->len;
}

static void expect_listed(guint listed, guint all)
{
	ck_assert_uint_eq(count(vk_catalog_list), listed);
	ck_assert_uint_eq(count(vk_catalog_list_all), all);
}

static void expect_found(const char *reference, const char *time)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_find(vault, reference, NULL);

	ck_assert_ptr_nonnull(snapshot);
	ck_assert_str_eq(snapshot->time, time);
}

static void expect_not_found(const char *reference)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_catalog_find(vault, reference, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}

START_TEST(a_forgotten_snapshot_is_hidden)
{
	g_autoptr(VkSnapshotKey) first = put(UUID, DAY1);
	g_autoptr(VkSnapshotKey) second = put(UUID, DAY2);
	g_autoptr(VkSnapshotKey) found = NULL;
	guint64 before, after;

	ck_assert(vk_catalog_stamp(vault, &before, NULL));
	ck_assert(vk_catalog_forget(vault, second, "a test", NULL));
	ck_assert(vk_catalog_stamp(vault, &after, NULL));
	ck_assert_uint_ne(before, after);
	expect_listed(1, 2);
	expect_found("guest", DAY1);
	expect_not_found("guest@" DAY2);
	expect_not_found(UUID "@" DAY2);
	ck_assert_ptr_null(vk_catalog_find_key(vault, "guest@" DAY2, NULL));
	found = vk_catalog_find_key_all(vault, "guest@" DAY2, NULL);
	ck_assert_str_eq(found->id, second->id);
	ck_assert(found->forgotten);
}
END_TEST

START_TEST(a_guest_without_other_snapshots_is_hidden)
{
	g_autoptr(VkSnapshotKey) one = put(UUID, DAY1);
	g_autoptr(VkSnapshotKey) other = put(OTHER, DAY1);
	g_autoptr(GPtrArray) guests = NULL;
	g_autoptr(GPtrArray) all = NULL;

	ck_assert(vk_catalog_forget(vault, one, NULL, NULL));
	guests = vk_catalog_guests(vault, NULL);
	ck_assert_uint_eq(guests->len, 1);
	ck_assert_str_eq(((VkCatalogGuest *)g_ptr_array_index(guests, 0))->uuid, OTHER);
	all = vk_catalog_guests_all(vault, NULL);
	ck_assert_uint_eq(all->len, 2);
	expect_not_found(UUID);
}
END_TEST

START_TEST(it_can_be_listed_again)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);

	ck_assert(vk_catalog_unforget(vault, key, NULL)); /* it is not forgotten */
	for (guint i = 0; i < 2; i++)
		ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	expect_listed(0, 1);
	for (guint i = 0; i < 2; i++)
		ck_assert(vk_catalog_unforget(vault, key, NULL));
	expect_listed(1, 1);
	expect_found("guest", DAY1);
}
END_TEST

static guint count_beside(const VkSnapshotKey *key)
{
	g_autofree char *path = path_beside(key, "");
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *stem = g_path_get_basename(path);
	g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
	const char *name;
	guint n = 0;

	while ((name = g_dir_read_name(names)))
		n += g_str_has_prefix(name, stem) ? 1 : 0;
	return n;
}

static void expect_going(const VkSnapshotKey *key)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_catalog_unforget(vault, key, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
	ck_assert_ptr_nonnull(strstr(error->message, "already removes it"));
	ck_assert(has_beside(key, "del"));
	expect_listed(0, 1);
	ck_assert_uint_eq(count_beside(key), 3);
}

/* A collector that is about to remove it. */
static VkLease *mark_as_going(const VkSnapshotKey *key)
{
	VkLease *lease = vk_lease_begin(vault->store, VK_LEASE_COLLECT, NULL, NULL);

	ck_assert_ptr_nonnull(lease);
	ck_assert(vk_catalog_put_going(vault, key, vk_lease_id(lease), NULL));
	return lease;
}

START_TEST(there_is_no_way_back_from_the_collector)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	VkLease *lease;

	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	lease = mark_as_going(key);
	expect_going(key);
	vk_lease_end(lease);
}
END_TEST

/* Whether or not somebody has swept what it left. */
static const char *const ends[] = {"end", "0"};

START_TEST(a_collector_that_ended_removes_nothing)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	g_autofree char *object = NULL;
	VkLease *lease;

	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	lease = mark_as_going(key);
	object = g_strdup_printf("leases/%s.%s", vk_lease_id(lease), ends[_i]);
	ck_assert(_i == 0 ? vk_store_put(vault->store, object, NULL, 0, VK_PUT_NOW, NULL)
			  : vault->store->ops->delete (vault->store, object, NULL));
	ck_assert(vk_catalog_unforget(vault, key, NULL));
	expect_listed(1, 1);
	vk_lease_end(lease);
}
END_TEST

static const VkStoreOps *plain;
static const VkSnapshotKey *victim;
static VkLease *collector;
static gboolean removing; /* the collector does not stop at its mark */

/* The collector comes right after the mark of unforget. */
static gboolean finishing(VkNewObject *object, const char *name, VkPutMode mode, GError **error)
{
	if (!plain->finish(object, name, mode, error))
		return FALSE;
	if (!strstr(name, ".back-"))
		return TRUE;
	vault->store->ops = plain;
	collector = mark_as_going(victim);
	return !removing || (vk_catalog_delete(vault, victim, error) &&
			     vk_catalog_delete_going(vault, victim, vk_lease_id(collector), error));
}

static gboolean unforget_against_collector(const VkSnapshotKey *key, GError **error)
{
	VkStoreOps ops = *vault->store->ops;

	plain = vault->store->ops;
	victim = key;
	ops.finish = finishing;
	vault->store->ops = &ops;
	return vk_catalog_unforget(vault, key, error);
}

START_TEST(the_collector_may_come_first)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	g_autoptr(GError) error = NULL;

	removing = FALSE;
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	ck_assert(!unforget_against_collector(key, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "already removes it"));
	expect_going(key);
	vk_lease_end(collector);
}
END_TEST

START_TEST(the_collector_may_be_done_meanwhile)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	g_autoptr(GError) error = NULL;

	removing = TRUE;
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	ck_assert(!unforget_against_collector(key, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_uint_eq(count_beside(key), 0);
	vk_lease_end(collector);
}
END_TEST

START_TEST(what_is_removed_is_not_there)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	g_autoptr(GError) error = NULL;

	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	ck_assert(vk_catalog_delete(vault, key, NULL));
	ck_assert(!vk_catalog_unforget(vault, key, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	g_clear_error(&error);
	ck_assert(!vk_catalog_forget(vault, key, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert(!has_beside(key, "del"));
}
END_TEST

/* The listing shows it still, but not its marks any more. */
static GPtrArray *list_and_remove(VkStore *store, const char *folder, GError **error)
{
	GPtrArray *names = plain->list(store, folder, error);

	vault->store->ops = plain;
	ck_assert(vk_catalog_delete(vault, victim, NULL));
	return names;
}

START_TEST(what_goes_during_the_look_is_not_there)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	VkStoreOps ops = *vault->store->ops;
	g_autoptr(GError) error = NULL;

	plain = vault->store->ops;
	victim = key;
	ops.list = list_and_remove;
	vault->store->ops = &ops;
	ck_assert(!vk_catalog_forget(vault, key, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_uint_eq(count_beside(key), 0);
}
END_TEST

START_TEST(all_that_lies_beside_goes_with_it)
{
	static const char *const suffixes[] = {"del", "back-02", "before-" DAY1};
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY2);
	g_autoptr(VkSnapshotKey) other = put(UUID, DAY1);

	for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++)
		put_beside(key, suffixes[i]);
	put_beside(key, "gone-01");
	put_beside(other, "del");
	ck_assert(vk_catalog_delete(vault, key, NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++)
		ck_assert(!has_beside(key, suffixes[i]));
	/* Each collector takes away its own. */
	ck_assert(has_beside(key, "gone-01"));
	ck_assert(has_beside(other, "json"));
	ck_assert(has_beside(other, "del"));
}
END_TEST

START_TEST(names_of_other_objects_hide_nothing)
{
	static const char *const suffixes[] = {"delx", "del.bak", "Del", "gone-01", "before-" DAY1};
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	g_autoptr(VkSnapshotKey) longer = vk_catalog_find_key(vault, UUID, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++)
		put_beside(key, suffixes[i]);
	g_free(longer->id);
	longer->id = g_strconcat(key->id, "0", NULL);
	put_beside(longer, "del");
	expect_listed(1, 1);
}
END_TEST

static ssize_t write_to_full_disk(int fd, const void *buf, size_t length, off_t offset)
{
	errno = ENOSPC;
	return -1;
}

START_TEST(a_full_disk_has_room_to_forget)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);

	vk_io.pwrite = write_to_full_disk;
	ck_assert(vk_catalog_forget(vault, key, "the disk is full", NULL));
	vk_io = real;
	expect_listed(0, 1);
	ck_assert(vk_catalog_unforget(vault, key, NULL));
	expect_listed(1, 1);
}
END_TEST

START_TEST(what_is_damaged_can_be_forgotten)
{
	g_autoptr(VkSnapshotKey) key = put(UUID, DAY1);
	g_autoptr(VkCheckResult) before = NULL;
	g_autoptr(VkCheckResult) after = NULL;

	put_beside(key, "json");
	before = check_guests(vault, NULL, TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(before), 1);
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	after = check_guests(vault, NULL, TRUE, NULL);
	ck_assert_uint_eq(after->snapshots, 0);
	ck_assert_uint_eq(vk_check_result_count_errors(after), 0);
}
END_TEST

/* Commits a snapshot of no disk at DAY1. Returns it. */
static VkSnapshot *commit(void)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSnapshot *snapshot = make_snapshot(UUID, DAY1, vk_image_record_new(0));
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	return snapshot;
}

START_TEST(a_forgotten_snapshot_is_nobodys_parent_and_keeps_its_time)
{
	g_autoptr(VkSnapshot) first = commit();
	g_autoptr(VkSnapshot) second = commit();
	g_autoptr(VkSnapshotKey) key = vk_catalog_find_key(vault, UUID, NULL);
	g_autoptr(VkSnapshot) third = NULL;

	ck_assert_str_eq(second->parent, first->id);
	ck_assert_str_eq(key->id, second->id);
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	third = commit();
	ck_assert_str_eq(third->parent, first->id);
	ck_assert_str_gt(third->time, second->time);
	ck_assert(vk_catalog_unforget(vault, key, NULL));
	expect_listed(3, 3);
}
END_TEST

static Suite *forget_suite(void)
{
	Suite *suite = suite_create("forget");
	TCase *cases = tcase_create("forget");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_forgotten_snapshot_is_hidden);
	tcase_add_test(cases, a_guest_without_other_snapshots_is_hidden);
	tcase_add_test(cases, it_can_be_listed_again);
	tcase_add_test(cases, there_is_no_way_back_from_the_collector);
	tcase_add_loop_test(cases, a_collector_that_ended_removes_nothing, 0, G_N_ELEMENTS(ends));
	tcase_add_test(cases, the_collector_may_come_first);
	tcase_add_test(cases, the_collector_may_be_done_meanwhile);
	tcase_add_test(cases, what_is_removed_is_not_there);
	tcase_add_test(cases, what_goes_during_the_look_is_not_there);
	tcase_add_test(cases, all_that_lies_beside_goes_with_it);
	tcase_add_test(cases, names_of_other_objects_hide_nothing);
	tcase_add_test(cases, a_full_disk_has_room_to_forget);
	tcase_add_test(cases, what_is_damaged_can_be_forgotten);
	tcase_add_test(cases, a_forgotten_snapshot_is_nobodys_parent_and_keeps_its_time);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(forget_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
