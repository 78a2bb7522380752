/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writer's steps of tests/model/README.md: what a session puts and looks for, in which order,
 * and what it refers to.
 */
#include "session.h"

#include "announcement.h"
#include "catalog.h"
#include "errors.h"
#include "lease-list.h"
#include "lease-priv.h"
#include "lease-sweep.h"
#include "memory-source.h"
#include "session-priv.h"
#include "vault-parts.h"
#include "vault-dir.h"
#include "watched-store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UUID      "11111111-2222-3333-4444-555555555555"
#define DAY       "20261121T120000Z"
#define COLLECTOR "00000000000000000000000000000001"

static VaultDir dir;
static VkVault *vault;
static VkStore *inner;
static WatchedStore *watched;
static VkSource *source;

static void setup(void)
{
	GRand *random = g_rand_new_with_seed(test_seed());
	MemSource *memory = mem_source_new(8u << 20);

	vault = vault_dir_new(&dir);
	inner = vault->store;
	watched = watched_store_new(inner);
	vault->store = &watched->base;
	mem_source_scribble(memory, random, 200, 64);
	source = &memory->base;
	g_rand_free(random);
}

static void teardown(void)
{
	vk_source_free(source);
	vault->store = inner;
	watched_store_free(watched);
	vault_dir_clear(&dir);
}

static VkSession *begin(void)
{
	g_autoptr(GError) error = NULL;
	VkSession *session = vk_session_new(vault, 1, &error);

	ck_assert_msg(session != NULL, "%s", error ? error->message : "");
	return session;
}

/* Saves the source. *RET_FRESH is how many bytes of it the vault did not have. */
static VkSnapshot *save(VkSession *session, const VkImageRecord *parent, guint64 *ret_fresh)
{
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;
	VkImageRecord *image = vk_session_save(session, source, parent, &stats, NULL, &error);

	ck_assert_msg(image != NULL, "%s", error ? error->message : "");
	*ret_fresh = stats.fresh;
	return make_snapshot(UUID, DAY, image);
}

static void commit(VkSession *session, VkSnapshot *snapshot)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
}

/* A session of its own. */
static VkSnapshot *back_up(const VkImageRecord *parent, guint64 *ret_fresh)
{
	g_autoptr(VkSession) session = begin();
	VkSnapshot *snapshot = save(session, parent, ret_fresh);

	commit(session, snapshot);
	return snapshot;
}

static const VkImageRecord *image_of(const VkSnapshot *snapshot)
{
	return ((const VkDiskRecord *)g_ptr_array_index(snapshot->disks, 0))->image;
}

static guint count_listed(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, NULL, NULL);

	return keys->len;
}

static GPtrArray *leases(void)
{
	GPtrArray *infos = vk_leases_list(inner, NULL);

	ck_assert_ptr_nonnull(infos);
	return infos;
}

static guint count_leases(void)
{
	g_autoptr(GPtrArray) infos = leases();

	return infos->len;
}

/* A collector announces all packs of the vault, but for the slots that STAY of each. */
static void condemn(const VkSlots *stay)
{
	g_autoptr(GArray) packs = vk_pack_list(inner, NULL);
	g_autoptr(VkAnnouncement) announcement = vk_announcement_new();

	ck_assert_uint_gt(packs->len, 0);
	ck_assert(vk_store_put(inner, "leases/" COLLECTOR ".0", NULL, 0, VK_PUT_NOW, NULL));
	for (guint i = 0; i < packs->len; i++)
		vk_announcement_add(announcement, &g_array_index(packs, VkPackId, i), stay);
	ck_assert(vk_announcement_put(inner, COLLECTOR, announcement, NULL));
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
	guint64 fresh;
	g_autoptr(VkSnapshot) snapshot = back_up(NULL, &fresh);
	guint at = 0;

	at = next_call("put leases/*.0", at); /* W1 */
	at = next_call("list gc", at);        /* W2 */
	at = next_call("put packs/*", at);    /* W4 */
	at = next_call("sync *", at);
	at = next_call("put leases/*.commit", at); /* W5 */
	at = next_call("list fence", at);          /* W6 */
	at = next_call("put snaps/*.json", at);    /* W7 */
	at = next_call("delete leases/*.0", at);   /* W8 */
	next_call("delete leases/*.commit", at);
	/* Though DAY is long ago, the claim of its second is held until then. */
	next_call("delete snaps/*.claim", at);
	ck_assert_uint_eq(watched_store_count(watched, "delete snaps/*.claim"), 1);
	ck_assert_int_eq(watched_store_find(watched, "put packs/*", at), -1);
	ck_assert_uint_eq(count_leases(), 0);
	ck_assert_uint_eq(count_listed(), 1);
}
END_TEST

/* What others do with a lease whose owner they take for dead. */
static gboolean sweep_lease(VkStore *store, const char *id, GError **error)
{
	return vk_lease_fence(store, id, error) && vk_lease_put_end(store, id, error) &&
	       vk_lease_sweep(store, id, error);
}

static gboolean (*const burials[])(VkStore *, const char *, GError **) = {
	vk_lease_fence,
	vk_lease_put_end,
	sweep_lease,
};
static guint burial;

static gboolean bury_at_the_look(VkStore *store, const char *call)
{
	g_autoptr(GPtrArray) infos = NULL;

	if (strcmp(call, "list fence") != 0)
		return TRUE;
	infos = vk_leases_list(store, NULL);
	for (guint i = 0; i < infos->len; i++)
		burials[burial](store, ((VkLeaseInfo *)g_ptr_array_index(infos, i))->id, NULL);
	return TRUE;
}

START_TEST(whoever_is_taken_for_dead_does_not_commit)
{
	g_autoptr(VkSession) session = begin();
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GError) error = NULL;
	guint64 fresh;

	snapshot = save(session, NULL, &fresh);
	burial = (guint)_i;
	watched->on_call = bury_at_the_look;
	ck_assert(!vk_session_commit(session, snapshot, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
	watched->on_call = NULL;
	ck_assert_int_eq(watched_store_find(watched, "put snaps/*.json", 0), -1);
	ck_assert_uint_eq(count_listed(), 0);
	ck_assert_uint_eq(count_leases(), 0);
	/* What it saved may be gone by now. */
	ck_assert(!vk_session_commit(session, snapshot, NULL));
	ck_assert_uint_eq(count_listed(), 0);
}
END_TEST

START_TEST(whoever_is_taken_for_dead_does_not_commit_copies)
{
	g_autoptr(VkSession) session = begin();
	g_autoptr(VkSnapshot) snapshot = NULL;
	guint64 fresh;

	snapshot = save(session, NULL, &fresh);
	watched->on_call = bury_at_the_look;
	ck_assert(!vk_session_commit_copies(session, snapshot, NULL));
	ck_assert_int_eq(watched_store_find(watched, "put copies/*", 0), -1);
}
END_TEST

static gboolean fail_the_look(G_GNUC_UNUSED VkStore *store, const char *call)
{
	return strcmp(call, "list fence") != 0;
}

START_TEST(whoever_cannot_look_does_not_commit)
{
	g_autoptr(VkSession) session = begin();
	g_autoptr(VkSnapshot) snapshot = NULL;
	guint64 fresh;

	snapshot = save(session, NULL, &fresh);
	watched->on_call = fail_the_look;
	ck_assert(!vk_session_commit(session, snapshot, NULL));
	ck_assert_uint_eq(count_listed(), 0);
}
END_TEST

static gboolean fail_the_commit(G_GNUC_UNUSED VkStore *store, const char *call)
{
	return !g_pattern_match_simple("put snaps/*.json", call);
}

START_TEST(what_may_appear_later_keeps_its_lease)
{
	VkSession *session = begin();
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GPtrArray) infos = NULL;
	const VkLeaseInfo *info;
	guint64 fresh;

	snapshot = save(session, NULL, &fresh);
	watched->on_call = fail_the_commit;
	ck_assert(!vk_session_commit(session, snapshot, NULL));
	watched->on_call = NULL;
	vk_session_free(session);
	infos = leases();
	ck_assert_uint_eq(infos->len, 1);
	info = g_ptr_array_index(infos, 0);
	ck_assert(!info->ended && info->has_intent);
}
END_TEST

START_TEST(blocks_are_found_while_nothing_is_condemned)
{
	guint64 fresh;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(VkSnapshot) second = NULL;

	ck_assert_uint_gt(fresh, 0);
	second = back_up(NULL, &fresh);
	ck_assert_uint_eq(fresh, 0);
	/* Once for a folder, not for a block. */
	ck_assert_uint_eq(watched_store_count(watched, "list packs/??"), 1);
	ck_assert_uint_eq(watched_store_count(watched, "look packs/*"), 0);
}
END_TEST

START_TEST(what_is_condemned_is_not_found)
{
	guint64 fresh, again;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(VkSnapshot) second = NULL;

	condemn(NULL);
	second = back_up(NULL, &again);
	ck_assert_uint_eq(again, fresh);
}
END_TEST

START_TEST(slots_that_stay_are_found)
{
	guint64 fresh, again;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(VkSnapshot) second = NULL;
	VkSlots half = {.bits = {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55}};

	condemn(&half);
	second = back_up(NULL, &again);
	ck_assert_uint_gt(again, 0);
	ck_assert_uint_lt(again, fresh);
}
END_TEST

START_TEST(the_parents_slots_are_referred_to_all_the_same)
{
	guint64 fresh;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(VkSnapshot) second = NULL;

	condemn(NULL);
	second = back_up(image_of(first), &fresh);
	ck_assert_uint_eq(fresh, 0);
}
END_TEST

/* Its table is known still. */
START_TEST(a_pack_that_is_gone_is_not_found)
{
	guint64 fresh, again;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(VkSnapshot) second = back_up(NULL, &again);
	g_autoptr(VkSnapshot) third = NULL;
	g_autoptr(GArray) packs = vk_pack_list(inner, NULL);

	ck_assert_uint_eq(again, 0);
	for (guint i = 0; i < packs->len; i++) {
		g_autofree char *name = vk_pack_object(&g_array_index(packs, VkPackId, i), 0);

		ck_assert(inner->ops->delete (inner, name, NULL));
	}
	third = back_up(NULL, &again);
	ck_assert_uint_eq(again, fresh);
}
END_TEST

/* A folder is listed once, and again for what was not there then. */
START_TEST(only_a_generation_that_is_there_is_found)
{
	guint64 fresh;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(GArray) packs = vk_pack_list(inner, NULL);
	g_autoptr(VkPackTable) table =
		vk_pack_cache_get(vault->packs, &g_array_index(packs, VkPackId, 0), NULL);
	g_autofree char *gone = g_strconcat(table->object, "8", NULL);
	g_autofree char *later = g_strconcat(table->object, "9", NULL);
	g_autoptr(VkSession) session = begin();
	VkPackTable other = *table;
	guint before = watched_store_count(watched, "list packs/*");

	for (guint i = 0; i < 10; i++) {
		other.object = gone;
		ck_assert(vk_session_may_refer(session, table, 0));
		ck_assert(!vk_session_may_refer(session, &other, 0));
	}
	ck_assert_uint_eq(watched_store_count(watched, "list packs/*") - before, 2);
	ck_assert(vk_store_put(inner, later, NULL, 0, VK_PUT_NOW, NULL));
	other.object = later;
	ck_assert(vk_session_may_refer(session, &other, 0));
}
END_TEST

START_TEST(a_parent_that_was_forgotten_is_none)
{
	guint64 fresh;
	g_autoptr(VkSnapshot) parent = back_up(NULL, &fresh);
	g_autoptr(VkSnapshotKey) key = vk_catalog_find_key(vault, UUID, NULL);
	g_autoptr(VkSession) session = begin();
	g_autoptr(GError) error = NULL;

	ck_assert(vk_session_check_parent(session, NULL, NULL));
	ck_assert(vk_session_check_parent(session, parent, NULL));
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	ck_assert(!vk_session_check_parent(session, parent, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_BUSY));
}
END_TEST

START_TEST(a_lease_commits_once)
{
	g_autoptr(VkSession) session = begin();
	g_autoptr(VkSnapshot) first = NULL;
	g_autoptr(VkSnapshot) early = NULL;
	g_autoptr(VkSnapshot) late = NULL;
	g_autoptr(GError) error = NULL;
	guint64 fresh;
	guint at = 0;

	first = save(session, NULL, &fresh);
	early = save(session, NULL, &fresh);
	commit(session, first);
	ck_assert(!vk_session_commit(session, early, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "before"));
	late = save(session, NULL, &fresh);
	commit(session, late);
	ck_assert_uint_eq(watched_store_count(watched, "put leases/*.0"), 2);
	for (guint i = 0; i < 2; i++)
		at = next_call("list gc", next_call("put leases/*.0", at));
	ck_assert_uint_eq(count_listed(), 2);
}
END_TEST

START_TEST(what_is_condemned_between_two_commits_is_not_found)
{
	g_autoptr(VkSession) session = begin();
	g_autoptr(VkSnapshot) first = NULL;
	g_autoptr(VkSnapshot) second = NULL;
	guint64 fresh, again;

	first = save(session, NULL, &fresh);
	commit(session, first);
	condemn(NULL);
	ck_assert_uint_eq(count_leases(), 1); /* of the collector */
	ck_assert(vk_session_check_parent(session, first, NULL));
	ck_assert_uint_eq(count_leases(), 2);
	second = save(session, NULL, &again);
	ck_assert_uint_eq(again, fresh);
}
END_TEST

START_TEST(two_sessions_have_two_leases)
{
	g_autoptr(VkSession) one = begin();
	g_autoptr(VkSession) other = begin();
	g_autoptr(VkSnapshot) first = NULL;
	g_autoptr(VkSnapshot) second = NULL;
	guint64 fresh;

	ck_assert_uint_eq(count_leases(), 2);
	first = save(one, NULL, &fresh);
	second = save(other, NULL, &fresh);
	commit(one, first);
	ck_assert_uint_eq(count_leases(), 1);
	commit(other, second);
	ck_assert_uint_eq(count_leases(), 0);
	ck_assert_uint_eq(count_listed(), 2);
}
END_TEST

START_TEST(the_next_session_ends_what_died)
{
	pid_t child = fork();
	g_autoptr(VkSnapshot) snapshot = NULL;
	guint64 fresh;
	int status;

	if (child == 0) {
		begin();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_uint_eq(count_leases(), 1);
	snapshot = back_up(NULL, &fresh);
	ck_assert_uint_eq(count_leases(), 0);
}
END_TEST

/* It is found out by the looks that a commit needs anyway. */
START_TEST(alone_nobody_looks_for_what_died)
{
	guint64 fresh;
	g_autoptr(VkSnapshot) snapshot = back_up(NULL, &fresh);

	ck_assert_uint_eq(watched_store_count(watched, "list leases"), 1);
	ck_assert_uint_eq(watched_store_count(watched, "list fence"), 1);
	ck_assert_uint_eq(watched_store_count(watched, "list gc"), 1);
}
END_TEST

static pid_t die_as_collector(void)
{
	pid_t child = fork();

	if (child == 0) {
		g_autoptr(VkAnnouncement) announcement = vk_announcement_new();
		g_autoptr(GArray) packs = vk_pack_list(inner, NULL);
		VkLease *lease = vk_lease_begin(inner, VK_LEASE_COLLECT, NULL, NULL);

		vk_announcement_add(announcement, &g_array_index(packs, VkPackId, 0), NULL);
		vk_announcement_put(inner, vk_lease_id(lease), announcement, NULL);
		_exit(0);
	}
	return child;
}

/* What a collector of this host announced is condemned no longer than the collector lives. */
START_TEST(what_the_dead_announced_does_not_count)
{
	guint64 fresh;
	g_autoptr(VkSnapshot) first = back_up(NULL, &fresh);
	g_autoptr(VkSnapshot) second = NULL;
	pid_t child = die_as_collector();
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_uint_eq(count_leases(), 1);
	second = back_up(NULL, &fresh);
	ck_assert_uint_eq(fresh, 0);
	ck_assert_uint_eq(count_leases(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session-lease");
	TCase *cases = tcase_create("session-lease");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, each_step_has_its_place);
	tcase_add_loop_test(cases, whoever_is_taken_for_dead_does_not_commit, 0,
			    G_N_ELEMENTS(burials));
	tcase_add_test(cases, whoever_is_taken_for_dead_does_not_commit_copies);
	tcase_add_test(cases, whoever_cannot_look_does_not_commit);
	tcase_add_test(cases, what_may_appear_later_keeps_its_lease);
	tcase_add_test(cases, blocks_are_found_while_nothing_is_condemned);
	tcase_add_test(cases, what_is_condemned_is_not_found);
	tcase_add_test(cases, slots_that_stay_are_found);
	tcase_add_test(cases, the_parents_slots_are_referred_to_all_the_same);
	tcase_add_test(cases, a_pack_that_is_gone_is_not_found);
	tcase_add_test(cases, only_a_generation_that_is_there_is_found);
	tcase_add_test(cases, a_parent_that_was_forgotten_is_none);
	tcase_add_test(cases, a_lease_commits_once);
	tcase_add_test(cases, what_is_condemned_between_two_commits_is_not_found);
	tcase_add_test(cases, two_sessions_have_two_leases);
	tcase_add_test(cases, the_next_session_ends_what_died);
	tcase_add_test(cases, alone_nobody_looks_for_what_died);
	tcase_add_test(cases, what_the_dead_announced_does_not_count);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
