/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader's steps of tests/model/README.md, and who takes them. */
#include "read-lease.h"

#include "errors.h"
#include "lease-list.h"
#include "session.h"
#include "damages.h"
#include "vault-dir.h"
#include "vault-leases.h"
#include "vault-parts.h"
#include "view.h"
#include "watched-store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define DAY1 "20261121T120000Z"
#define DAY2 "20261122T120000Z"

static VaultDir dir;
static VkVault *vault;
static VkStore *inner;
static WatchedStore *watched;

static void setup(void)
{
	vault = vault_dir_new(&dir);
	inner = vault->store;
	watched = watched_store_new(inner);
	vault->store = &watched->base;
}

static void teardown(void)
{
	vault->store = inner;
	watched_store_free(watched);
	vault_dir_clear(&dir);
}

/* Puts a snapshot without an image, and watches from then on. Returns its key, which is new. */
static VkSnapshotKey *put(const char *time)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, time, vk_image_record_new(0));
	g_autofree char *reference = g_strdup_printf(UUID "@%s", time);
	VkSnapshotKey *key;

	ck_assert(vk_session_commit(session, snapshot, NULL));
	key = vk_catalog_find_key(vault, reference, NULL);
	ck_assert_ptr_nonnull(key);
	return key;
}

static void forget_calls(void)
{
	g_ptr_array_set_size(watched->calls, 0);
}

static VkView *view_of(const VkSnapshotKey *key)
{
	VkSnapshot *snapshot = vk_catalog_load(vault, key, NULL);

	ck_assert_ptr_nonnull(snapshot);
	return vk_view_new(vault, snapshot);
}

/* Whether an open lease holds the snapshot. */
static gboolean is_held(const VkSnapshotKey *key)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autoptr(GPtrArray) infos = vk_vault_leases(vault, NULL);
	gboolean held = FALSE;

	for (guint i = 0; i < infos->len; i++)
		held = held || vk_lease_info_reads(g_ptr_array_index(infos, i), name);
	return held;
}

START_TEST(the_lease_is_put_before_the_look)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(VkSnapshotKey) other = put(DAY2);
	VkReadLease *lease;
	int begin;

	forget_calls();
	lease = vk_read_lease_begin(vault, key, NULL);
	begin = watched_store_find(watched, "put leases/*.0", 0);
	ck_assert_int_ge(begin, 0);
	ck_assert_int_ge(watched_store_find(watched, "list snaps/*", (guint)begin), 0);
	ck_assert(is_held(key) && !is_held(other));
	vk_read_lease_end(lease);
	ck_assert(!is_held(key));
}
END_TEST

static VkSnapshotKey *to_be_forgotten;

static gboolean forget_before_the_look(VkStore *store, const char *call)
{
	g_autofree char *mark = NULL;

	if (!to_be_forgotten || !g_str_has_prefix(call, "put leases/"))
		return TRUE;
	mark = g_strdup_printf("snaps/" UUID "/%s-%s.del", to_be_forgotten->time,
			       to_be_forgotten->id);
	to_be_forgotten = NULL;
	return vk_store_put(store, mark, NULL, 0, VK_PUT_NOW, NULL);
}

START_TEST(what_is_forgotten_meanwhile_is_not_read)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(GError) error = NULL;

	to_be_forgotten = key;
	watched->on_call = forget_before_the_look;
	ck_assert_ptr_null(vk_read_lease_begin(vault, key, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	watched->on_call = NULL;
	ck_assert(!is_held(key));
}
END_TEST

START_TEST(what_is_removed_is_not_read)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(GError) error = NULL;

	ck_assert(vk_catalog_delete(vault, key, NULL));
	ck_assert_ptr_null(vk_read_lease_begin(vault, key, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

static gboolean refuse_puts(G_GNUC_UNUSED VkStore *store, const char *call)
{
	return !g_str_has_prefix(call, "put ");
}

START_TEST(a_vault_that_takes_nothing_is_read_all_the_same)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(VkReadLease) lease = NULL;

	watched->on_call = refuse_puts;
	lease = vk_read_lease_begin(vault, key, NULL);
	ck_assert_ptr_nonnull(lease);
	ck_assert(!is_held(key));
}
END_TEST

START_TEST(a_newer_vault_is_left_alone)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(VkReadLease) lease = NULL;

	vault->may_put = FALSE;
	forget_calls();
	lease = vk_read_lease_begin(vault, key, NULL);
	ck_assert_ptr_nonnull(lease);
	ck_assert_int_eq(watched_store_find(watched, "put *", 0), -1);
}
END_TEST

START_TEST(a_view_is_held_until_the_last_lets_go)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(VkView) view = view_of(key);

	ck_assert(!is_held(key));
	ck_assert(vk_view_hold(view, NULL));
	ck_assert(vk_view_hold(view, NULL));
	ck_assert_uint_eq(watched_store_count(watched, "put leases/*.0"), 2); /* and its writer's */
	vk_view_release(view);
	ck_assert(is_held(key));
	/* It is open: who else opens it reads on. */
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	ck_assert(vk_view_hold(view, NULL));
	vk_view_release(view);
	vk_view_release(view);
	ck_assert(!is_held(key));
	ck_assert(!vk_view_hold(view, NULL));
}
END_TEST

START_TEST(a_view_that_goes_lets_go)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	VkView *view = view_of(key);

	ck_assert(vk_view_hold(view, NULL));
	vk_view_free(view);
	ck_assert(!is_held(key));
}
END_TEST

static const char *const one_guest[] = {UUID, NULL};
static const char *const *const checked[] = {NULL, one_guest};

START_TEST(a_check_holds_what_it_lists)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	g_autoptr(VkCheckResult) result = NULL;
	int begin;

	forget_calls();
	result = check_guests(vault, checked[_i], TRUE, NULL);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_eq(result->snapshots, 1);
	begin = watched_store_find(watched, "put leases/*.0", 0);
	ck_assert_int_ge(begin, 0);
	ck_assert_int_gt(watched_store_find(watched, "list snaps/" UUID, 0), begin);
	ck_assert_int_ge(watched_store_find(watched, "delete leases/*.0", (guint)begin), 0);
}
END_TEST

static gboolean remove_after_listing(VkStore *store, const char *call)
{
	static gboolean listed;
	g_autofree char *object = NULL;

	if (listed && to_be_forgotten) {
		object = vk_snapshot_key_object(UUID, to_be_forgotten->time, to_be_forgotten->id);
		to_be_forgotten = NULL;
		store->ops->delete (store, object, NULL);
	}
	listed = g_str_has_prefix(call, "list snaps/");
	return !g_str_has_prefix(call, "put ");
}

/* Where no lease can be put. */
START_TEST(a_check_passes_over_what_was_removed)
{
	g_autoptr(VkSnapshotKey) first = put(DAY1);
	g_autoptr(VkSnapshotKey) second = put(DAY2);
	g_autoptr(VkCheckResult) result = NULL;

	to_be_forgotten = first;
	watched->on_call = remove_after_listing;
	result = check_guests(vault, one_guest, TRUE, NULL);
	watched->on_call = NULL;
	ck_assert_ptr_null(to_be_forgotten);
	ck_assert_uint_eq(vk_check_result_count_errors(result), 0);
	ck_assert_uint_eq(result->snapshots, 1);
}
END_TEST

START_TEST(what_a_killed_reader_left_is_cleared)
{
	g_autoptr(VkSnapshotKey) key = put(DAY1);
	pid_t child = fork();
	int status;

	if (child == 0) {
		vk_read_lease_begin(vault, key, NULL);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(is_held(key));
	vk_vault_clear_leases(vault);
	ck_assert(!is_held(key));
}
END_TEST

static Suite *read_lease_suite(void)
{
	Suite *suite = suite_create("read-lease");
	TCase *cases = tcase_create("read-lease");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_lease_is_put_before_the_look);
	tcase_add_test(cases, what_is_forgotten_meanwhile_is_not_read);
	tcase_add_test(cases, what_is_removed_is_not_read);
	tcase_add_test(cases, a_vault_that_takes_nothing_is_read_all_the_same);
	tcase_add_test(cases, a_newer_vault_is_left_alone);
	tcase_add_test(cases, a_view_is_held_until_the_last_lets_go);
	tcase_add_test(cases, a_view_that_goes_lets_go);
	tcase_add_loop_test(cases, a_check_holds_what_it_lists, 0, G_N_ELEMENTS(checked));
	tcase_add_test(cases, a_check_passes_over_what_was_removed);
	tcase_add_test(cases, what_a_killed_reader_left_is_cleared);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(read_lease_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
