/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is left of leases that have ended goes, and their ends go last. */
#include "lease-bed.h"

#include "lease-priv.h"
#include "lease-sweep.h"

#include <stdlib.h>

/* Its owner was taken for dead, and beats still. */
START_TEST(what_comes_after_the_end_is_swept)
{
	VkLease *lease = begin(VK_LEASE_WRITE);
	g_autofree char *id = g_strdup(vk_lease_id(lease));
	g_autoptr(VkLeaseInfo) info = NULL;

	put_empty("leases/", id, ".end");
	ck_assert(vk_lease_sweep(store, id, NULL));
	vk_lease_beat(lease);
	vk_lease_leave_open(lease);
	info = only_lease();
	ck_assert(info->ended);
	ck_assert(vk_lease_sweep(store, id, NULL));
	ck_assert_uint_eq(count_objects("leases"), 0);
}
END_TEST

START_TEST(all_that_a_collector_left_is_swept)
{
	g_autofree char *id = abandon(VK_LEASE_COLLECT);
	g_autoptr(VkLeaseInfo) info = only_lease();
	int end;

	put_empty("snaps/guest/20261121T120000Z-0123456789abcdef.gone-", id, "");
	put_empty("snaps/guest/20261121T120000Z-0123456789abcdef.", "gone-other", "");
	put_empty("gc/", id, "");
	put_empty("fence/", id, ".0");
	ck_assert(vk_lease_end_of_dead(store, info, NULL));
	ck_assert(vk_lease_sweep(store, id, NULL));
	ck_assert_uint_eq(count_objects("gc"), 0);
	ck_assert_uint_eq(count_objects("fence"), 0);
	ck_assert_uint_eq(count_objects("leases"), 0);
	ck_assert_uint_eq(count_objects("snaps/guest"), 1);
	end = watched_store_find(watched, "delete leases/*.end", 0);
	ck_assert_int_lt(watched_store_find(watched, "delete gc/*", 0), end);
	ck_assert_int_lt(watched_store_find(watched, "delete snaps/guest/*", 0), end);
}
END_TEST

/* Its owner removed the rest meanwhile. */
START_TEST(a_fence_that_came_too_late_is_swept)
{
	g_autoptr(VkLeaseInfo) info = NULL;

	put_empty("fence/", "00000000000000000000000000000000", ".0");
	info = only_lease();
	ck_assert(info->ended && info->fenced);
	ck_assert(vk_lease_sweep(store, info->id, NULL));
	ck_assert_uint_eq(count_objects("fence"), 0);
}
END_TEST

/* A power cut took back the name of its lease. */
START_TEST(an_announcement_without_a_lease_has_ended)
{
	g_autoptr(VkLeaseInfo) info = NULL;

	put_empty("gc/", "00000000000000000000000000000000", "");
	put_empty("gc/", "not an id", "");
	info = only_lease();
	ck_assert(info->ended && info->announces && !info->fenced);
	ck_assert_int_lt(watched_store_find(watched, "list gc", 0),
			 watched_store_find(watched, "list leases", 0));
	ck_assert(vk_lease_sweep(store, info->id, NULL));
	ck_assert_uint_eq(count_objects("gc"), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease-sweep");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_comes_after_the_end_is_swept);
	tcase_add_test(cases, all_that_a_collector_left_is_swept);
	tcase_add_test(cases, a_fence_that_came_too_late_is_swept);
	tcase_add_test(cases, an_announcement_without_a_lease_has_ended);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
