/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is named for what a collection left, and who is not. */
#include "keeper.h"

#include "catalog.h"
#include "checked-json.h"
#include "lease.h"
#include "vault-dir.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FIRST  "snaps/11111111-2222-3333-4444-555555555555/20261121T120000Z-0123456789abcdef"
#define SECOND "snaps/11111111-2222-3333-4444-555555555555/20261122T120000Z-0123456789abcdef"
#define FOLDER "snaps/11111111-2222-3333-4444-555555555555"

static VaultDir dir;
static guint looks; /* until the first snapshot is removed */
static VkVault *vault;
static GPtrArray *keepers;

static void put(const char *name)
{
	ck_assert(vk_store_put(vault->store, name, NULL, 0, VK_PUT_NOW, NULL));
}

static void setup(void)
{
	vault = vault_dir_new(&dir);
	put(FIRST ".json");
	put(SECOND ".json");
}

static void teardown(void)
{
	g_clear_pointer(&keepers, g_ptr_array_unref);
	vault_dir_clear(&dir);
}

static VkLease *begin(VkLeaseKind kind, const char *snapshot)
{
	const char *const names[] = {snapshot, NULL};
	VkLease *lease = vk_lease_begin(vault->store, kind, snapshot ? names : NULL, NULL);

	ck_assert_ptr_nonnull(lease);
	return lease;
}

static guint count(void)
{
	g_clear_pointer(&keepers, g_ptr_array_unref);
	keepers = vk_keepers_list(vault, NULL);
	ck_assert_ptr_nonnull(keepers);
	return keepers->len;
}

static const VkKeeper *only(void)
{
	ck_assert_uint_eq(count(), 1);
	return g_ptr_array_index(keepers, 0);
}

START_TEST(a_reader_of_what_is_forgotten_is_named)
{
	VkLease *lease = begin(VK_LEASE_READ, FIRST ".json");
	VkLease *other = begin(VK_LEASE_READ, SECOND ".json");
	const VkKeeper *keeper;

	ck_assert_uint_eq(count(), 0); /* nothing is forgotten */
	put(FIRST ".del");
	keeper = only();
	ck_assert_str_eq(keeper->lease, vk_lease_id(lease));
	ck_assert_int_eq(keeper->kind, VK_LEASE_READ);
	ck_assert_str_eq(keeper->host, g_get_host_name());
	ck_assert_ptr_nonnull(keeper->since);
	ck_assert_uint_eq(keeper->snapshots, 1);
	vk_lease_end(lease);
	ck_assert_uint_eq(count(), 0);
	vk_lease_end(other);
}
END_TEST

START_TEST(a_reader_of_all_keeps_all_that_is_forgotten)
{
	VkLease *lease = begin(VK_LEASE_READ, NULL);

	put(FIRST ".del");
	put(SECOND ".del");
	ck_assert_uint_eq(only()->snapshots, 2);
	vk_lease_end(lease);
}
END_TEST

START_TEST(a_pin_is_named)
{
	put(FIRST ".pin-01");
	ck_assert_uint_eq(count(), 0);
	put(FIRST ".del");
	ck_assert_ptr_null(only()->lease);
	ck_assert_uint_eq(only()->snapshots, 1);
}
END_TEST

START_TEST(a_pin_that_has_ended_says_so)
{
	g_autoptr(json_t) ended = json_pack("{s:s}", "until", "20200101T000000Z");
	g_autoptr(json_t) lasting = json_pack("{s:n}", "until");

	put(FIRST ".del");
	ck_assert(vk_checked_json_put(vault->store, FIRST ".pin-01", ended, VK_PUT_NOW, NULL));
	ck_assert(only()->expired);
	ck_assert(vk_checked_json_put(vault->store, FIRST ".pin-02", lasting, VK_PUT_NOW, NULL));
	ck_assert(!only()->expired);
}
END_TEST

static gboolean remove_at_the_look(VkStore *store, const char *call)
{
	return !g_str_has_prefix(call, "list " FOLDER) || looks-- > 0 ||
	       store->ops->delete (store, FIRST ".json", NULL);
}

/* A collection removes it between the two listings. */
START_TEST(what_goes_meanwhile_has_no_keeper)
{
	VkStore *inner = vault->store;
	WatchedStore *watched = watched_store_new(inner);

	put(FIRST ".del");
	put(FIRST ".pin-01");
	put(SECOND ".del");
	put(SECOND ".pin-01");
	looks = 1;
	watched->on_call = remove_at_the_look;
	vault->store = &watched->base;
	ck_assert_uint_eq(count(), 1);
	vault->store = inner;
	watched_store_free(watched);
}
END_TEST

START_TEST(a_backup_that_was_taken_for_dead_is_named)
{
	VkLease *lease = begin(VK_LEASE_WRITE, NULL);
	g_autoptr(json_t) object = json_object();

	put(FIRST ".del");
	ck_assert(vk_lease_put_intent(lease, SECOND ".json", object, NULL));
	ck_assert_uint_eq(count(), 0); /* it is at work */
	ck_assert(vk_lease_fence(vault->store, vk_lease_id(lease), NULL));
	ck_assert_int_eq(only()->kind, VK_LEASE_WRITE);
	ck_assert_uint_eq(only()->snapshots, 0);
	vk_lease_end(lease);
}
END_TEST

START_TEST(what_cannot_be_read_may_read_all)
{
	put("leases/0123456789abcdef0123456789abcdef.0");
	put(FIRST ".del");
	ck_assert_int_eq(only()->kind, VK_LEASE_UNKNOWN);
	ck_assert_uint_eq(only()->snapshots, 1);
	put("leases/0123456789abcdef0123456789abcdef.end");
	ck_assert_uint_eq(count(), 0);
}
END_TEST

static Suite *keeper_suite(void)
{
	Suite *suite = suite_create("keeper");
	TCase *cases = tcase_create("keeper");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_reader_of_what_is_forgotten_is_named);
	tcase_add_test(cases, a_reader_of_all_keeps_all_that_is_forgotten);
	tcase_add_test(cases, a_pin_is_named);
	tcase_add_test(cases, a_pin_that_has_ended_says_so);
	tcase_add_test(cases, what_goes_meanwhile_has_no_keeper);
	tcase_add_test(cases, a_backup_that_was_taken_for_dead_is_named);
	tcase_add_test(cases, what_cannot_be_read_may_read_all);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(keeper_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
