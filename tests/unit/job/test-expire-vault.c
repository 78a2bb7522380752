/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots that expire on arrays, and the vault: who comes at that moment, the way back that is
 * closed, and the garbage collection.
 */
#include "catalog-expire.h"
#include "catalog.h"
#include "collect.h"
#include "errors.h"
#include "expire-bed.h"
#include "lease.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One more than the array keeps. The key of the oldest; new. */
static VkSnapshotKey *list_three(void)
{
	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	return oldest_key();
}

/* Its copies are gone, so nobody can list it again. The collector removes it. */
START_TEST(what_expired_is_not_listed_again)
{
	g_autoptr(VkSnapshotKey) key = NULL;
	g_autoptr(GError) error = NULL;
	const VkCollectOptions options = {0};
	VkCollectResult result;

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	ck_assert(expire());
	key = oldest_key();
	ck_assert(key->forgotten && key->expired);
	ck_assert(!vk_catalog_unforget(vault, key, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_ptr_nonnull(strstr(error->message, "expired"));
	ck_assert_uint_eq(count_listed(), 2);
	ck_assert(expire());
	ck_assert(vk_collect(vault, &options, &result, NULL));
	ck_assert_uint_eq(result.snapshots, 1);
}
END_TEST

static VkLease *begin_to_read(VkStore *store, const VkSnapshotKey *key)
{
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	const char *const names[] = {object, NULL};

	return vk_lease_begin(store, VK_LEASE_READ, names, NULL);
}

START_TEST(what_is_read_stays_listed)
{
	g_autoptr(VkSnapshotKey) key = list_three();
	VkLease *lease;

	lease = begin_to_read(vault->store, key);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(has_clone(0, "vda"));
	vk_lease_end(lease);
	ck_assert(expire());
	ck_assert_uint_eq(count_listed(), 2);
	ck_assert(!has_clone(0, "vda"));
}
END_TEST

/* The reader may have opened the array's copies. */
START_TEST(what_is_read_keeps_its_copies)
{
	g_autoptr(VkSnapshotKey) key = NULL;
	VkLease *lease;

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	copy_oldest();
	key = oldest_key();
	lease = begin_to_read(vault->store, key);
	ck_assert(expire());
	ck_assert(has_clone(0, "vda") && has_clone(0, "vdb"));
	vk_lease_end(lease);
	ck_assert(expire());
	ck_assert(!has_clone(0, "vda") && !has_clone(0, "vdb"));
	ck_assert_uint_eq(count_listed(), 3);
}
END_TEST

static const VkSnapshotKey *contested;
static VkLease *late_lease;

/* Expires while DO comes between the last look of before and the tombstone. */
static void expire_beside(gboolean (*do_it)(VkStore *store, const char *call))
{
	VkStore *inner = vault->store;
	WatchedStore *watched = watched_store_new(inner);

	watched->on_call = do_it;
	vault->store = &watched->base;
	ck_assert(expire());
	vault->store = inner;
	watched_store_free(watched);
}

static gboolean is_tombstone(const char *call)
{
	return contested && g_pattern_match_simple("put snaps/*.del", call);
}

static gboolean read_before_the_tombstone(VkStore *store, const char *call)
{
	if (is_tombstone(call)) {
		late_lease = begin_to_read(store, contested);
		contested = NULL;
	}
	return TRUE;
}

static gboolean pin_before_the_tombstone(VkStore *store, const char *call)
{
	g_autofree char *mark = NULL;

	if (!is_tombstone(call))
		return TRUE;
	mark = g_strdup_printf("snaps/%s/%s-%s.pin-0a", contested->uuid, contested->time,
			       contested->id);
	contested = NULL;
	return vk_store_put(store, mark, NULL, 0, VK_PUT_NOW, NULL);
}

/* Whoever has come sees no tombstone and goes on, so it is listed and has its copies. */
static void expect_given_way(void)
{
	g_autoptr(VkSnapshotKey) key = oldest_key();

	ck_assert(!key->forgotten && !key->expired);
	ck_assert(has_clone(0, "vda") && has_clone(0, "vdb"));
}

START_TEST(a_reader_comes_at_that_moment)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	contested = key = list_three();
	expire_beside(read_before_the_tombstone);
	ck_assert_ptr_nonnull(late_lease);
	expect_given_way();
	vk_lease_end(late_lease);
}
END_TEST

static gboolean read_and_expire(VkStore *store, const char *call)
{
	g_autofree char *mark = NULL;
	gboolean ours = is_tombstone(call);

	if (ours)
		mark = g_strdup_printf("snaps/%s/%s-%s.expired", contested->uuid, contested->time,
				       contested->id);
	return read_before_the_tombstone(store, call) &&
	       (!ours || vk_store_put(store, mark, NULL, 0, VK_PUT_NOW, NULL));
}

/* Both see the lease of the other. What has expired is not listed again. */
START_TEST(another_one_expires_it_at_that_moment)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	for (guint i = 0; i < 3; i++)
		list_snapshot(i, -300 + 100 * i);
	contested = key = oldest_key();
	expire_beside(read_and_expire);
	ck_assert_uint_eq(count_listed(), 2);
	vk_lease_end(late_lease);
}
END_TEST

START_TEST(a_pin_comes_at_that_moment)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	contested = key = list_three();
	expire_beside(pin_before_the_tombstone);
	expect_given_way();
}
END_TEST

static gboolean copy_before_the_tombstone(VkStore *store, const char *call)
{
	VkStore *outer = vault->store;

	if (!is_tombstone(call))
		return TRUE;
	contested = NULL;
	vault->store = store;
	copy_oldest();
	vault->store = outer;
	return TRUE;
}

/* Then it is in the vault, and stays listed. */
START_TEST(a_copy_comes_at_that_moment)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	contested = key = list_three();
	expire_beside(copy_before_the_tombstone);
	ck_assert_uint_eq(count_listed(), 3);
	ck_assert(!has_clone(0, "vda"));
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	ck_assert(vk_snapshot_is_in_vault(snapshot));
}
END_TEST

static gboolean copy_and_collect(VkStore *store, const char *call)
{
	const VkCollectOptions options = {0};
	VkCollectResult result;
	VkStore *outer = vault->store;

	copy_before_the_tombstone(store, call);
	if (!g_pattern_match_simple("put snaps/*.expired", call))
		return TRUE;
	vault->store = store;
	ck_assert(vk_collect(vault, &options, &result, NULL));
	ck_assert_uint_eq(result.snapshots, 0);
	vault->store = outer;
	return TRUE;
}

START_TEST(a_collection_comes_before_it_is_listed_again)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	contested = key = list_three();
	expire_beside(copy_and_collect);
	ck_assert_uint_eq(count_listed(), 3);
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	ck_assert(vk_snapshot_is_in_vault(snapshot));
}
END_TEST

static VkLease *collector;
static char *going;
static guint tries;

/* A collector that has looked for leases not yet puts its mark. CALL puts a mark of ours. */
static void mark_as_going(VkStore *store, const char *call)
{
	const char *back = strstr(call, "back-");
	const char *name = call + strlen("put ");

	collector = vk_lease_begin(store, VK_LEASE_COLLECT, NULL, NULL);
	going = g_strdup_printf("%.*sgone-%s", (int)(back - name), name, vk_lease_id(collector));
	ck_assert(vk_store_put(store, going, NULL, 0, VK_PUT_NOW, NULL));
}

static gboolean is_try(VkStore *store, const char *call)
{
	copy_before_the_tombstone(store, call);
	if (!g_pattern_match_simple("put snaps/*.back-*", call))
		return FALSE;
	tries++;
	return TRUE;
}

static gboolean mark_for_two_tries(VkStore *store, const char *call)
{
	if (!is_try(store, call))
		return TRUE;
	if (tries == 1)
		mark_as_going(store, call);
	return tries != 3 || store->ops->delete (store, going, NULL);
}

static gboolean mark_and_die(VkStore *store, const char *call)
{
	pid_t child;

	if (!is_try(store, call) || tries > 1)
		return TRUE;
	child = fork();
	if (child == 0) {
		mark_as_going(store, call);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	return TRUE;
}

static const struct {
	gboolean (*come)(VkStore *store, const char *call);
	guint tries;
} collectors[] = {{mark_for_two_tries, 3}, {mark_and_die, 2}};

/* It finds the lease of the one who lists again, and takes its mark away. Or others do. */
START_TEST(a_collector_comes_while_it_is_listed_again)
{
	g_autoptr(VkSnapshotKey) key = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;

	contested = key = list_three();
	expire_beside(collectors[_i].come);
	ck_assert_uint_eq(tries, collectors[_i].tries);
	ck_assert_uint_eq(count_listed(), 3);
	snapshot = load_oldest();
	ck_assert(vk_snapshot_is_in_vault(snapshot));
	vk_lease_end(collector);
	g_free(going);
}
END_TEST

static gboolean remove_at_the_first_try(VkStore *store, const char *call)
{
	const char *name = call + strlen("put ");
	g_autofree char *object = NULL;

	if (!is_try(store, call) || tries > 1)
		return TRUE;
	object = g_strdup_printf("%.*sjson", (int)(strstr(call, "back-") - name), name);
	return store->ops->delete (store, object, NULL);
}

/* Nobody is sent to list it again. */
START_TEST(what_is_gone_is_told)
{
	g_autoptr(VkSnapshotKey) key = list_three();
	g_autoptr(VkSnapshot) snapshot = load_oldest();
	VkStore *inner = vault->store;
	WatchedStore *watched = watched_store_new(inner);
	g_autoptr(GError) error = NULL;
	gboolean done;

	contested = key;
	watched->on_call = remove_at_the_first_try;
	vault->store = &watched->base;
	ck_assert(!vk_catalog_expire(vault, key, snapshot, &done, &error));
	vault->store = inner;
	watched_store_free(watched);
	ck_assert(!done);
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert_ptr_nonnull(strstr(error->message, "cannot be listed again"));
	ck_assert_ptr_null(strstr(error->message, "unforget"));
}
END_TEST

static void put_mark_of_dead(const VkSnapshotKey *key, const char *kind)
{
	g_autofree char *mark =
		g_strdup_printf("snaps/%s/%s-%s.%s", key->uuid, key->time, key->id, kind);

	ck_assert(vk_store_put(vault->store, mark, NULL, 0, VK_PUT_NOW, NULL));
}

/* Whoever expired it was killed before the copy was noticed. */
START_TEST(what_expired_with_a_copy_is_listed_again)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	list_snapshot(0, -300);
	copy_oldest();
	key = oldest_key();
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	put_mark_of_dead(key, "expiring-0a");
	put_mark_of_dead(key, "expired");
	ck_assert(vk_catalog_unforget(vault, key, NULL));
	vk_snapshot_key_free(key);
	key = oldest_key();
	ck_assert(!key->forgotten && !key->expired);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expire-vault");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, expire_setup, expire_teardown);
	tcase_add_test(cases, what_expired_is_not_listed_again);
	tcase_add_test(cases, what_is_read_stays_listed);
	tcase_add_test(cases, what_is_read_keeps_its_copies);
	tcase_add_test(cases, a_reader_comes_at_that_moment);
	tcase_add_test(cases, another_one_expires_it_at_that_moment);
	tcase_add_test(cases, a_pin_comes_at_that_moment);
	tcase_add_test(cases, a_copy_comes_at_that_moment);
	tcase_add_test(cases, a_collection_comes_before_it_is_listed_again);
	tcase_add_loop_test(cases, a_collector_comes_while_it_is_listed_again, 0,
			    G_N_ELEMENTS(collectors));
	tcase_add_test(cases, what_is_gone_is_told);
	tcase_add_test(cases, what_expired_with_a_copy_is_listed_again);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
