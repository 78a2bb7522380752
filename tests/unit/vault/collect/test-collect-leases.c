/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a collector gets on with the leases of others. */
#include "checked-json.h"
#include "collect.h"
#include "errors.h"
#include "lease-list.h"
#include "lease.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UUID    "11111111-2222-3333-4444-555555555555"
#define DAMAGED "snaps/" UUID "/20261121T120000Z-0123456789abcdef"
#define FOREIGN "0123456789abcdef0123456789abcdef"
#define GARBAGE "packs/01/0123456789abcdef0123456789abcdef.0"

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
		DAMAGED ".json",
		DAMAGED ".del",
		DAMAGED ".back-" FOREIGN,
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

/* A pack without a reference, of which only the name counts. */
static void put_garbage(void)
{
	ck_assert(vk_store_put(vault->store, GARBAGE, NULL, 0, VK_PUT_NOW, NULL));
}

/* An object that nobody can read. */
static void put_damaged(const char *forgotten)
{
	ck_assert(vk_store_put(vault->store, DAMAGED ".json", NULL, 0, VK_PUT_NOW, NULL));
	if (forgotten)
		ck_assert(vk_store_put(vault->store, forgotten, NULL, 0, VK_PUT_NOW, NULL));
}

static const struct {
	const char *mark, *cure;
} unknown[] = {
	{NULL, "forget it, or see 'virtkeep verify'"},
	{DAMAGED ".del", "close it, and run 'virtkeep gc' again"},
};

START_TEST(what_nobody_knows_has_a_cure)
{
	VkLease *reader = vk_lease_begin(vault->store, VK_LEASE_READ, NULL, NULL);
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	put_damaged(unknown[_i].mark);
	ck_assert(!vk_collect(vault, &hasty, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, unknown[_i].cure));
	vk_lease_end(reader);
}
END_TEST

/* A writer elsewhere was taken for dead. */
START_TEST(an_intent_that_nobody_can_read_names_its_host)
{
	g_autoptr(json_t) lease = json_pack("{s:s, s:{s:s}}", "kind", "write", "owner", "host",
					    "elsewhere.example.org");
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	ck_assert(
		vk_checked_json_put(vault->store, "leases/" FOREIGN ".0", lease, VK_PUT_NOW, NULL));
	ck_assert(
		vk_store_put(vault->store, "leases/" FOREIGN ".commit", NULL, 0, VK_PUT_NOW, NULL));
	ck_assert(vk_lease_fence(vault->store, FOREIGN, NULL));
	put_garbage();
	ck_assert(!vk_collect(vault, &hasty, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, "no space is freed"));
	ck_assert_ptr_nonnull(strstr(error->message, "'" FOREIGN "'"));
	ck_assert_ptr_nonnull(strstr(error->message, "'elsewhere.example.org'"));
	ck_assert(is_there(GARBAGE));
}
END_TEST

static const VkStoreOps *plain;

/* Another collector comes right before it is read. */
static gboolean get_after_removal(VkStore *store, const char *name, guint64 offset, void *buf,
				  gsize length, GError **error)
{
	gboolean done = plain->get(store, name, offset, buf, length, error);

	if (strcmp(name, DAMAGED ".json") == 0)
		plain->delete (store, name, NULL);
	return done;
}

START_TEST(a_dry_run_passes_over_what_goes_meanwhile)
{
	const VkCollectOptions dry = {.dry_run = TRUE};
	VkStoreOps ops = *vault->store->ops;
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	put_damaged(NULL);
	ck_assert(!vk_collect(vault, &dry, &result, &error));
	plain = vault->store->ops;
	ops.get = get_after_removal;
	vault->store->ops = &ops;
	ck_assert(vk_collect(vault, &dry, &result, NULL));
	vault->store->ops = plain;
	ck_assert(!is_there(DAMAGED ".json"));
}
END_TEST

/* Until then no backup uses a block of that pack. */
START_TEST(an_announcement_without_a_lease_goes)
{
	VkCollectResult result;

	ck_assert(vk_store_put(vault->store, "gc/" FOREIGN, NULL, 0, VK_PUT_NOW, NULL));
	ck_assert(vk_collect(vault, &hasty, &result, NULL));
	ck_assert(!is_there("gc/" FOREIGN));
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
	tcase_add_loop_test(cases, what_nobody_knows_has_a_cure, 0, G_N_ELEMENTS(unknown));
	tcase_add_test(cases, an_intent_that_nobody_can_read_names_its_host);
	tcase_add_test(cases, a_dry_run_passes_over_what_goes_meanwhile);
	tcase_add_test(cases, an_announcement_without_a_lease_goes);
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
