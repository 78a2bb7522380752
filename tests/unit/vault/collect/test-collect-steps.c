/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The collector's steps of tests/model/README.md: what it puts and looks for, in which order, and
 * what it leaves alone when another collector takes it for dead at a step.
 */
#include "collect.h"

#include "catalog.h"
#include "checked-json.h"
#include "errors.h"
#include "image-bed.h"
#include "lease-list.h"
#include "pack-name.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <string.h>

#define SIZE (4u << 20)

static const VkCollectOptions plain;
static VkStore *inner;
static WatchedStore *watched;
static char *forgotten;  /* object of a snapshot whose pack nothing else needs */
static VkSnapshot *kept; /* one whose packs nothing else needs either */

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
		else
			kept = g_steal_pointer(&snapshot);
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
	g_clear_pointer(&kept, vk_snapshot_free);
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
		"adopt snaps/*/*",
		"sync *",
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

static gboolean refuse_syncs(G_GNUC_UNUSED VkStore *unused, const char *call)
{
	return !g_str_has_prefix(call, "sync ");
}

static void put_copies(const char *guest)
{
	g_autofree char *name =
		g_strdup_printf("copies/%s/20261121T120000Z-0123456789abcdef.json", guest);

	ck_assert(vk_store_put(inner, name, NULL, 0, VK_PUT_NOW, NULL));
}

/* G6: what was removed, and then was not flushed, must not come back to packs that are gone. */
START_TEST(without_a_flush_nothing_is_deleted)
{
	static const char guest[] = "11111111-2222-3333-4444-555555555555";
	g_autofree char *copies = g_strdup_printf("adopt copies/%s/*", guest);
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	prepare();
	put_copies(guest);
	watched->on_call = refuse_syncs;
	ck_assert(!vk_collect(vault, &plain, &result, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "no space is freed"));
	ck_assert_uint_eq(watched_store_count(watched, "delete packs/*"), 0);
	next_call("sync *", next_call(copies, next_call("adopt snaps/*/*", 0)));
	next_call("delete gc/*", 0);
	finish();
}
END_TEST

#define SOMEBODY "0123456789abcdef0123456789abcdef"

/* What comes beside the tombstone as the collector says that it removes. NULL: the tombstone goes.
 */
static const char *const late_marks[] = {"pin-" SOMEBODY, "back-" SOMEBODY, NULL};
static guint late_mark;

static gboolean change_at_the_mark(VkStore *store, const char *call)
{
	const char *mark = late_marks[late_mark];
	gsize stem = strlen(forgotten) - strlen("json");
	g_autofree char *name =
		g_strdup_printf("%.*s%s", (int)stem, forgotten, mark ? mark : "del");

	if (g_pattern_match_simple("put snaps/*.gone-*", call))
		ck_assert(mark ? vk_store_put(store, name, NULL, 0, VK_PUT_NOW, NULL)
			       : store->ops->delete (store, name, NULL));
	return TRUE;
}

/* D3, D4, D5 */
START_TEST(what_changes_at_the_last_moment_keeps_a_snapshot)
{
	VkCollectResult result;

	late_mark = (guint)_i;
	prepare();
	watched->on_call = change_at_the_mark;
	ck_assert(vk_collect(vault, &plain, &result, NULL));
	ck_assert_uint_eq(result.snapshots + result.packs, 0);
	ck_assert(is_there(forgotten));
	ck_assert_uint_eq(watched_store_count(watched, "put snaps/*.gone-*"), 1);
	ck_assert_uint_eq(watched_store_count(watched, "delete snaps/*.gone-*"), 1);
	finish();
}
END_TEST

static void put_of_somebody(const char *part, json_t *content)
{
	g_autofree char *name = g_strdup_printf("leases/" SOMEBODY ".%s", part);

	ck_assert(vk_checked_json_put(inner, name, content, VK_PUT_NOW, NULL));
	json_decref(content);
}

/* G4: an earlier collector has fenced it, and it had looked for the fence before. */
START_TEST(what_a_fenced_writer_may_still_commit_stays)
{
	g_autofree char *name = NULL;
	g_autoptr(json_t) object = NULL;
	VkCollectResult result;

	prepare();
	name = vk_snapshot_key_object(kept->uuid, kept->time, kept->id);
	object = vk_checked_json_get(inner, name, NULL);
	put_of_somebody("0", json_pack("{s:s}", "kind", "write"));
	put_of_somebody("commit", json_pack("{s:s, s:O}", "name", name, "object", object));
	ck_assert(vk_lease_fence(inner, SOMEBODY, NULL));
	/* It has not come to W7 yet. */
	ck_assert(inner->ops->delete (inner, name, NULL));
	ck_assert(vk_collect(vault, &plain, &result, NULL));
	ck_assert_uint_eq(result.packs, 1);
	ck_assert(!is_there(forgotten));
	finish();
}
END_TEST

/* All generations of the pack that was compacted, highest first. */
static GPtrArray *generations(void)
{
	g_autoptr(GArray) packs = vk_pack_list(inner, NULL);

	for (guint i = 0; i < packs->len; i++) {
		g_autoptr(GPtrArray) objects =
			vk_pack_generations(inner, &g_array_index(packs, VkPackId, i), NULL);

		if (!g_str_has_suffix(objects->pdata[0], ".0"))
			return g_steal_pointer(&objects);
	}
	ck_abort_msg("no pack was compacted");
	return NULL;
}

static gboolean die_before_deleting(VkStore *store, const char *call)
{
	return !g_str_has_prefix(call, "delete packs/");
}

static VkSnapshot *save_alone(MemSource *source, const VkSnapshot *parent)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSaveStats stats = {0};

	return commit(session, save(session, source, parent ? image_of(parent) : NULL, &stats));
}

/* G6: higher than any that is there, also than that of a collector which died before its end. */
START_TEST(each_compaction_has_a_higher_generation)
{
	MemSource *source = mem_source_new(SIZE);
	g_autoptr(VkSnapshot) old = NULL;
	g_autoptr(VkSnapshot) young = NULL;
	g_autoptr(GPtrArray) two = NULL;
	g_autoptr(GPtrArray) last = NULL;
	VkCollectResult result;

	fill_with_noise(source);
	old = save_alone(source, NULL);
	/* The pack of the old one is what the young one, a quarter of it, refers to. */
	memset(source->bytes + SIZE / 4, 0, SIZE - SIZE / 4);
	young = save_alone(source, NULL);
	forget(old);
	inner = vault->store;
	watched = watched_store_new(inner);
	vault->store = &watched->base;
	watched->on_call = die_before_deleting;
	ck_assert(!vk_collect(vault, &plain, &result, NULL));
	watched->on_call = NULL;
	two = generations();
	ck_assert_uint_eq(two->len, 2);
	ck_assert(vk_collect(vault, &plain, &result, NULL));
	ck_assert_uint_eq(result.compacted, 1);
	last = generations();
	ck_assert_uint_eq(last->len, 1);
	ck_assert_msg(g_pattern_match_simple("*.2-*", last->pdata[0]), "%s",
		      (const char *)last->pdata[0]);
	finish();
	check_image(vault, image_of(young), source);
	vk_source_free(&source->base);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, each_step_has_its_place);
	tcase_add_test(tcase, whoever_is_taken_for_dead_removes_nothing);
	tcase_add_test(tcase, whoever_is_taken_for_dead_deletes_nothing);
	tcase_add_test(tcase, without_a_flush_nothing_is_deleted);
	tcase_add_loop_test(tcase, what_changes_at_the_last_moment_keeps_a_snapshot, 0,
			    G_N_ELEMENTS(late_marks));
	tcase_add_test(tcase, what_a_fenced_writer_may_still_commit_stays);
	tcase_add_test(tcase, each_compaction_has_a_higher_generation);
}

int main(void)
{
	return run_image_tests("collect-steps", add_tests);
}
