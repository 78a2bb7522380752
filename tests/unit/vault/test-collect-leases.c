/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a collector gets on with the leases of others. */
#include "checked-json.h"
#include "collect.h"
#include "errors.h"
#include "lease.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define UUID    "11111111-2222-3333-4444-555555555555"
#define FOREIGN "0123456789abcdef0123456789abcdef"

static const VkCollectOptions hasty = {.suspect_usec = 1};
static VaultDir dir;
static VkVault *vault;

static void setup(void)
{
	vault = vault_dir_new(&dir);
}

static void teardown(void)
{
	vault_dir_clear(&dir);
}

static gboolean is_there(const char *name)
{
	guint64 size;

	return vault->store->ops->head(vault->store, name, &size, NULL, NULL);
}

/* A host of this one's name has a process of this one's number: one of the two was copied. */
START_TEST(a_collector_of_the_same_name_is_outlasted)
{
	g_autoptr(json_t) lease = json_pack("{s:s, s:{s:s, s:i}}", "kind", "gc", "owner", "host",
					    g_get_host_name(), "pid", (int)getpid());
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	ck_assert(
		vk_checked_json_put(vault->store, "leases/" FOREIGN ".0", lease, VK_PUT_NOW, NULL));
	ck_assert_msg(vk_collect(vault, &hasty, &result, &error), "%s",
		      error ? error->message : "");
	ck_assert(is_there("fence/" FOREIGN ".0"));
	ck_assert(is_there("leases/" FOREIGN ".0"));
}
END_TEST

START_TEST(a_collector_of_this_host_is_left_to_itself)
{
	VkLease *lease = vk_lease_begin(vault->store, VK_LEASE_COLLECT, NULL, NULL);
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	ck_assert(!vk_collect(vault, &hasty, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
	vk_lease_end(lease);
	ck_assert(vk_collect(vault, &hasty, &result, NULL));
}
END_TEST

/* A killed unforget, and a killed removal. */
START_TEST(what_others_left_is_no_obstacle)
{
	static const char *const left[] = {
		"snaps/" UUID "/20261121T120000Z-0123456789abcdef.json",
		"snaps/" UUID "/20261121T120000Z-0123456789abcdef.del",
		"snaps/" UUID "/20261121T120000Z-0123456789abcdef.back-" FOREIGN,
		"snaps/" UUID "/20261122T120000Z-0123456789abcdef.del",
	};
	VkCollectResult result;

	for (guint i = 0; i < G_N_ELEMENTS(left); i++)
		ck_assert(vk_store_put(vault->store, left[i], NULL, 0, VK_PUT_NOW, NULL));
	ck_assert(vk_collect(vault, &hasty, &result, NULL));
	ck_assert_uint_eq(result.snapshots, 1);
	for (guint i = 0; i < G_N_ELEMENTS(left); i++)
		ck_assert(!is_there(left[i]));
}
END_TEST

static Suite *collect_leases_suite(void)
{
	Suite *suite = suite_create("collect-leases");
	TCase *cases = tcase_create("collect-leases");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_collector_of_the_same_name_is_outlasted);
	tcase_add_test(cases, a_collector_of_this_host_is_left_to_itself);
	tcase_add_test(cases, what_others_left_is_no_obstacle);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(collect_leases_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
