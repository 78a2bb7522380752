/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which leases a person may end, and what keeps the others open. */
#include "lease-end.h"

#include "checked-json.h"
#include "errors.h"
#include "layout.h"
#include "lease.h"
#include "lease-sweep.h"
#include "watched-dir.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ID       "0123456789abcdef0123456789abcdef"
#define SNAPSHOT "snaps/11111111-2222-3333-4444-555555555555/20261121T120000Z-0123456789abcdef"

static void put_empty(const char *name)
{
	ck_assert(vk_store_put(inner, name, NULL, 0, VK_PUT_NOW, NULL));
}

/* Of another host. KIND NULL: it cannot be read. */
static void put_lease(const char *kind)
{
	g_autoptr(json_t) lease = json_pack("{s:s*, s:{s:s}}", "kind", kind, "owner", "host",
					    "elsewhere.example.org");

	if (kind)
		ck_assert(vk_checked_json_put(inner, "leases/" ID ".0", lease, VK_PUT_NOW, NULL));
	else
		put_empty("leases/" ID ".0");
}

static void put_intent(const char *name)
{
	g_autoptr(json_t) intent = json_pack("{s:s, s:{}}", "name", name, "object");

	ck_assert(vk_checked_json_put(inner, "leases/" ID ".commit", intent, VK_PUT_NOW, NULL));
}

static VkLeaseInfo *only_lease(void)
{
	g_autoptr(GPtrArray) infos = vk_leases_list(inner, NULL);

	ck_assert_ptr_nonnull(infos);
	ck_assert_uint_eq(infos->len, 1);
	return g_ptr_array_steal_index(infos, 0);
}

static void expect_end(void)
{
	g_autoptr(VkLeaseInfo) info = only_lease();
	g_autoptr(VkLeaseInfo) after = NULL;
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_lease_end_by_word(store, info, &error), "%s", error ? error->message : "");
	after = only_lease();
	ck_assert(after->ended);
}

static void expect_refusal(const char *text)
{
	g_autoptr(VkLeaseInfo) info = only_lease();
	g_autoptr(VkLeaseInfo) after = NULL;
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_lease_end_by_word(store, info, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
	ck_assert_ptr_nonnull(strstr(error->message, text));
	after = only_lease();
	ck_assert(!after->ended);
}

static const VkStoreOps *plain;
static VkPutMode end_mode;

static gboolean finish_noting_the_end(VkNewObject *object, const char *name, VkPutMode mode,
				      GError **error)
{
	if (strcmp(name, "leases/" ID ".end") == 0)
		end_mode = mode;
	return plain->finish(object, name, mode, error);
}

/* No later run would end it again after a power cut. */
START_TEST(the_end_is_durable)
{
	VkStoreOps ops = *store->ops;

	plain = store->ops;
	ops.finish = finish_noting_the_end;
	store->ops = &ops;
	put_lease("read");
	end_mode = VK_PUT_HINT;
	expect_end();
	ck_assert_int_eq(end_mode, VK_PUT_NOW);
	store->ops = plain;
}
END_TEST

static const char *const kinds[] = {"write", "gc", NULL};

/* The looks come after the fence: whoever is at work finds it, or has put what is looked for. */
START_TEST(whoever_might_write_is_fenced_first)
{
	int fence;

	put_lease(kinds[_i]);
	expect_end();
	fence = watched_store_find(watched, "put fence/" ID ".0", 0);
	ck_assert_int_ge(fence, 0);
	ck_assert_int_gt(watched_store_find(watched, "list leases", 0), fence);
	ck_assert_int_gt(watched_store_find(watched, "list gc", 0), fence);
	ck_assert_int_gt(watched_store_find(watched, "list snaps", 0), fence);
	ck_assert_int_gt(watched_store_find(watched, "put leases/" ID ".end", 0), fence);
}
END_TEST

START_TEST(a_reader_is_ended)
{
	put_lease("read");
	expect_end();
	ck_assert_int_eq(watched_store_find(watched, "put fence/*", 0), -1);
}
END_TEST

START_TEST(what_a_writer_may_commit_keeps_it)
{
	put_lease("write");
	put_intent(SNAPSHOT ".json");
	expect_refusal("about to put '" SNAPSHOT ".json'");
	ck_assert_int_ge(watched_store_find(watched, "put fence/" ID ".0", 0), 0);
	put_empty(SNAPSHOT ".json");
	expect_end();
}
END_TEST

START_TEST(an_intent_to_put_nothing_that_can_be_is_damage)
{
	g_autoptr(VkLeaseInfo) info = NULL;
	g_autoptr(VkLeaseInfo) after = NULL;
	g_autoptr(GError) error = NULL;

	put_lease("write");
	put_intent("vault.json");
	info = only_lease();
	ck_assert(!vk_lease_end_by_word(store, info, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, "'vault.json'"));
	after = only_lease();
	ck_assert(!after->ended);
}
END_TEST

static const struct {
	const char *kind, *object, *text;
} pending[] = {
	{"gc", "gc/" ID, "delete packs"},
	{"gc", SNAPSHOT ".gone-" ID, "about to remove"},
	{"read", SNAPSHOT ".back-" ID, "list it again"},
	{NULL, "gc/" ID, "delete packs"},
};

START_TEST(what_the_owner_may_do_keeps_it)
{
	put_lease(pending[_i].kind);
	put_empty(pending[_i].object);
	expect_refusal(pending[_i].text);
	ck_assert(inner->ops->delete (inner, pending[_i].object, NULL));
	expect_end();
}
END_TEST

START_TEST(a_living_process_keeps_it)
{
	VkLease *lease = vk_lease_begin(inner, VK_LEASE_WRITE, NULL, NULL);

	expect_refusal("end that process first");
	ck_assert_int_eq(watched_store_find(watched, "put *", 0), -1);
	vk_lease_end(lease);
}
END_TEST

static Suite *lease_end_suite(void)
{
	Suite *suite = suite_create("lease-end");
	TCase *cases = tcase_create("lease-end");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_end_is_durable);
	tcase_add_loop_test(cases, whoever_might_write_is_fenced_first, 0, G_N_ELEMENTS(kinds));
	tcase_add_test(cases, a_reader_is_ended);
	tcase_add_test(cases, what_a_writer_may_commit_keeps_it);
	tcase_add_test(cases, an_intent_to_put_nothing_that_can_be_is_damage);
	tcase_add_loop_test(cases, what_the_owner_may_do_keeps_it, 0, G_N_ELEMENTS(pending));
	tcase_add_test(cases, a_living_process_keeps_it);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(lease_end_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
