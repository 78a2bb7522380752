/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The collector's steps of tests/model/README.md: what it puts and looks for, in which order, and
 * what it leaves alone when another collector takes it for dead at a step.
 */
#include "collect.h"

#include "catalog.h"
#include "errors.h"
#include "image-bed.h"
#include "lease-list.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <string.h>

#define SIZE (4u << 20)

static const VkCollectOptions plain;
static VkStore *inner;
static WatchedStore *watched;
static char *forgotten; /* object of a snapshot whose pack nothing else needs */

static void forget(const VkSnapshot *snapshot)
{
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};

	forgotten = vk_snapshot_key_object(key.uuid, key.time, key.id);
	ck_assert(vk_catalog_forget(vault, &key, NULL, NULL));
}

/* Two snapshots that have no block in common, and the first is forgotten. */
static void prepare(void)
{
	MemSource *source = mem_source_new(SIZE);

	for (guint i = 0; i < 2; i++) {
		g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
		g_autoptr(VkSnapshot) snapshot = NULL;
		VkSaveStats stats = {0};

		fill_with_noise(source);
		snapshot = commit(session, save(session, source, NULL, &stats));
		if (i == 0)
			forget(snapshot);
	}
	vk_source_free(&source->base);
	inner = vault->store;
	watched = watched_store_new(inner);
	vault->store = &watched->base;
}

static void finish(void)
{
	vault->store = inner;
	watched_store_free(watched);
	g_clear_pointer(&forgotten, g_free);
}

static gboolean is_there(const char *name)
{
	guint64 size;

	return inner->ops->head(inner, name, &size, NULL, NULL);
}

/* The number of the next call after number AFTER that matches. It has to be there. */
static guint next_call(const char *glob, guint after)
{
	int found = watched_store_find(watched, glob, after);

	ck_assert_msg(found >= 0, "no '%s' after call %u", glob, after);
	return (guint)found + 1;
}

START_TEST(each_step_has_its_place)
{
	const char *const steps[] = {
		"put leases/*.0",
		"list leases",        /* G0 */
		"list snaps/*",       /* D1 */
		"put snaps/*.gone-*", /* D2 */
		"list snaps/*",
		"list snaps/*", /* D3, D4 */
		"list snaps/*",
		"list leases", /* D5 */
		"list fence",  /* D6 */
		"delete snaps/*.json",
		"delete snaps/*.del",
		"delete *.gone-*", /* D7 */
		"list packs/*",
		"list snaps/*",
		"list copies", /* G1 */
		"put gc/*",    /* G2 */
		"list leases", /* G3, G4 */
		"list snaps/*",
		"list copies", /* G5 */
		"list fence",
		"delete packs/*", /* G6 */
		"delete gc/*",
		"put leases/*.end", /* G7 */
	};
	VkCollectResult result;
	guint at = 0;

	prepare();
	ck_assert(vk_collect(vault, &plain, &result, NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
		at = next_call(steps[i], at);
	ck_assert_int_eq(watched_store_find(watched, "delete packs/*", at), -1);
	ck_assert_uint_eq(result.snapshots, 1);
	ck_assert_uint_eq(result.packs, 1);
	finish();
}
END_TEST

static guint looks; /* for a fence, until another collector is quicker */

static gboolean fence_at_the_look(VkStore *store, const char *call)
{
	g_autoptr(GPtrArray) infos = NULL;

	/* A listing of all leases begins with the fences; it is no look. */
	if (strcmp(call, "list fence") != 0 || looks == 0 || --looks > 0)
		return TRUE;
	infos = vk_leases_list(store, NULL);
	for (guint i = 0; i < infos->len; i++)
		ck_assert(vk_lease_fence(store, ((VkLeaseInfo *)infos->pdata[i])->id, NULL));
	return TRUE;
}

/* How many times the fences are listed before the call that matches. */
static guint count_looks_before(const char *glob)
{
	guint end = next_call(glob, 0), count = 0;

	for (guint i = 0; i < end; i++)
		count += strcmp(g_ptr_array_index(watched->calls, i), "list fence") == 0;
	return count;
}

/* Another collector takes this one for dead as it looks for a fence the last time before GLOB. */
static void be_fenced_before(const char *glob)
{
	g_autoptr(GError) error = NULL;
	VkCollectResult result;
	guint known;

	prepare();
	ck_assert(vk_collect(vault, &plain, &result, NULL));
	known = count_looks_before(glob);
	finish();
	prepare();
	looks = known;
	watched->on_call = fence_at_the_look;
	ck_assert(!vk_collect(vault, &plain, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
	ck_assert_uint_eq(looks, 0);
	ck_assert_uint_eq(watched_store_count(watched, "delete packs/*"), 0);
	ck_assert_uint_eq(result.packs + result.compacted, 0);
}

/* D6 */
START_TEST(whoever_is_taken_for_dead_removes_nothing)
{
	be_fenced_before("delete snaps/*.json");
	ck_assert(is_there(forgotten));
	ck_assert_uint_eq(watched_store_count(watched, "put snaps/*.gone-*"), 1);
	ck_assert_uint_eq(watched_store_count(watched, "delete snaps/*.gone-*"), 1);
	finish();
}
END_TEST

/* G6 */
START_TEST(whoever_is_taken_for_dead_deletes_nothing)
{
	be_fenced_before("delete packs/*");
	ck_assert(!is_there(forgotten));
	next_call("delete gc/*", next_call("put gc/*", 0));
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, each_step_has_its_place);
	tcase_add_test(tcase, whoever_is_taken_for_dead_removes_nothing);
	tcase_add_test(tcase, whoever_is_taken_for_dead_deletes_nothing);
}

int main(void)
{
	return run_image_tests("collect-steps", add_tests);
}
