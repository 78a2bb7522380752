/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of copies on arrays when a garbage collection removes their snapshots. */
#include "array-collect.h"
#include "catalog.h"
#include "collect.h"
#include "errors.h"
#include "expire-bed.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <glib/gstdio.h>
#include <string.h>

static VkArrayCollect *copies;

static void setup(void)
{
	expire_setup();
	copies = vk_array_collect_new(arrays, vault);
}

static void teardown(void)
{
	vk_array_collect_free(copies);
	expire_teardown();
}

static void tell(gpointer user, VkSnapshot *snapshot)
{
	vk_array_collect_add(copies, snapshot);
}

static gboolean collect(void (*on_remove)(gpointer user, VkSnapshot *snapshot))
{
	const VkCollectOptions options = {.removal = {.on_remove = on_remove}};
	VkCollectResult result;

	return vk_collect(vault, &options, &result, NULL);
}

/* Of how many snapshots the array keeps copies. */
static guint finish(void)
{
	g_autoptr(GError) error = NULL;
	guint left;

	ck_assert(vk_array_collect_finish(copies, &left, &error) == (left == 0));
	ck_assert(left == 0 || g_error_matches(error, VK_ERROR, VK_ERROR_PARTIAL));
	return left;
}

/* The array's own retention would never come to one that was forgotten by name. */
START_TEST(a_collection_takes_the_copies_along)
{
	g_autoptr(VkSnapshotKey) key = NULL;
	list_snapshot(0, -300);
	list_snapshot(1, -200);
	key = oldest_key();
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	ck_assert(collect(tell));
	ck_assert(has_clone(0, "vda"));
	ck_assert_uint_eq(finish(), 0);
	ck_assert(!has_clone(0, "vda") && !has_clone(0, "vdb"));
	ck_assert(has_clone(1, "vda") && has_clone(1, "vdb"));
}
END_TEST

static gboolean refuse_to_remove(VkStore *store, const char *call)
{
	return !g_pattern_match_simple("delete snaps/*.json", call);
}

START_TEST(what_is_not_removed_keeps_its_copies)
{
	VkStore *inner = vault->store;
	WatchedStore *watched = watched_store_new(inner);
	g_autoptr(VkSnapshotKey) key = NULL;

	list_snapshot(0, -300);
	key = oldest_key();
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	watched->on_call = refuse_to_remove;
	vault->store = &watched->base;
	ck_assert(!collect(tell));
	vault->store = inner;
	watched_store_free(watched);
	ck_assert_uint_eq(finish(), 0);
	ck_assert(has_clone(0, "vda") && has_clone(0, "vdb"));
}
END_TEST

static void forget_all(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);

	for (guint i = 0; i < keys->len; i++)
		ck_assert(vk_catalog_forget(vault, keys->pdata[i], NULL, NULL));
}

/* Others can write there, so it may be anything. */
START_TEST(what_the_array_keeps_is_counted)
{
	g_autofree char *clone = clone_directory(0, "vda");

	list_snapshot(0, -300);
	list_snapshot(1, -200);
	forget_all();
	ck_assert_int_eq(g_chmod(clone, 0777), 0);
	ck_assert(collect(tell));
	ck_assert_uint_eq(finish(), 1);
	ck_assert(has_clone(0, "vda"));
	ck_assert(!has_clone(1, "vda") && !has_clone(1, "vdb"));
}
END_TEST

#define MANY 70u

static guint told, clones_at_the_end;

static void tell_and_count(gpointer user, VkSnapshot *snapshot)
{
	guint clones = 0;

	for (guint i = 0; i < MANY; i++)
		clones += has_clone(i, "vda") ? 1 : 0;
	tell(user, snapshot);
	if (++told == MANY)
		clones_at_the_end = clones;
}

/* So few snapshots are held in memory at a time: the copies of the others have gone. */
START_TEST(copies_go_while_the_collection_goes_on)
{
	for (guint i = 0; i < MANY; i++)
		list_snapshot(i, -10000 + 10 * (gint64)i);
	forget_all();
	ck_assert(collect(tell_and_count));
	ck_assert_uint_eq(told, MANY);
	ck_assert_uint_lt(clones_at_the_end, MANY);
	ck_assert_uint_eq(finish(), 0);
	for (guint i = 0; i < MANY; i++)
		ck_assert(!has_clone(i, "vda") && !has_clone(i, "vdb"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("array-collect");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_collection_takes_the_copies_along);
	tcase_add_test(cases, what_is_not_removed_keeps_its_copies);
	tcase_add_test(cases, what_the_array_keeps_is_counted);
	tcase_add_test(cases, copies_go_while_the_collection_goes_on);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
