/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The collector: what is listed reads as before, what nothing refers to goes, whoever else is at
 * work keeps what is theirs.
 */
#include "catalog.h"
#include "checked-json.h"
#include "collect-bed.h"
#include "errors.h"
#include "image-bed.h"
#include "lease.h"
#include "session-priv.h"
#include "vault-key.h"
#include "vault-parts.h"

#include <string.h>

static const VkCollectOptions plain;

static void check_as_foreseen(const VkCollectResult *done, const VkCollectResult *foreseen)
{
	ck_assert_uint_eq(done->snapshots, foreseen->snapshots);
	ck_assert_uint_eq(done->packs, foreseen->packs);
	ck_assert_uint_eq(done->compacted, foreseen->compacted);
	ck_assert_uint_eq(done->bytes, foreseen->bytes);
}

START_TEST(what_is_kept_reads_as_before)
{
	const VkCollectOptions dry = {.dry_run = TRUE};
	VkCollectResult foreseen, done, again;
	guint forgotten = 0;
	guint64 before;

	save_generations(GENERATIONS, SIZE);
	for (guint i = 0; i < GENERATIONS; i++)
		if (g_rand_int_range(seeded, 0, 3) > 0) {
			forget(i);
			forgotten++;
		}
	before = pack_bytes();
	foreseen = collect_well(&dry);
	ck_assert_uint_eq(pack_bytes(), before);
	check_existing();
	done = collect_well(&plain);
	ck_assert_uint_eq(done.snapshots, forgotten);
	check_as_foreseen(&done, &foreseen);
	ck_assert_uint_eq(pack_bytes(), before - done.bytes);
	check_existing();
	check_tidy();
	again = collect_well(&plain);
	ck_assert_uint_eq(again.packs + again.compacted + again.snapshots, 0);
	drop_generations();
}
END_TEST

START_TEST(a_pack_that_is_half_dead_is_written_anew)
{
	const VkCollectOptions dry = {.dry_run = TRUE};
	VkCollectResult foreseen, done;
	guint64 before;

	save_half_dead_pack(20);
	before = pack_bytes();
	foreseen = collect_well(&dry);
	done = collect_well(&plain);
	ck_assert_uint_eq(done.compacted, 1);
	ck_assert_uint_gt(done.bytes, 39u * VK_BLOCK_SIZE);
	check_as_foreseen(&done, &foreseen);
	ck_assert_uint_eq(pack_bytes(), before - done.bytes);
	check_existing();
	check_tidy();
	drop_generations();
}
END_TEST

START_TEST(nothing_is_left_of_a_vault_that_is_forgotten)
{
	save_generations(GENERATIONS, SIZE);
	for (guint i = 0; i < GENERATIONS; i++)
		forget(i);
	ck_assert_uint_eq(collect_well(&plain).snapshots, GENERATIONS);
	ck_assert_uint_eq(pack_bytes(), 0);
	check_tidy();
	drop_generations();
}
END_TEST

START_TEST(a_vault_without_garbage_is_left_alone)
{
	guint64 before;
	VkCollectResult result;

	save_generations(GENERATIONS, SIZE);
	before = pack_bytes();
	result = collect_well(&plain);
	ck_assert_uint_eq(result.snapshots + result.packs, 0);
	ck_assert_uint_le(pack_bytes(), before);
	check_existing();
	drop_generations();
}
END_TEST

START_TEST(a_reader_keeps_what_it_reads)
{
	const char *names[2] = {NULL};
	g_autofree char *object = NULL;
	VkLease *lease;

	save_generations(GENERATIONS, SIZE);
	object = vk_snapshot_key_object(snapshots[0]->uuid, snapshots[0]->time, snapshots[0]->id);
	names[0] = object;
	lease = vk_lease_begin(vault->store, VK_LEASE_READ, names, NULL);
	forget(0);
	forget(1);
	ck_assert_uint_eq(collect_well(&plain).snapshots, 1);
	ck_assert(exists(0));
	ck_assert(!exists(1));
	check_existing();
	vk_lease_end(lease);
	ck_assert_uint_eq(collect_well(&plain).snapshots, 1);
	ck_assert(!exists(0));
	check_existing();
	drop_generations();
}
END_TEST

START_TEST(an_unreadable_snapshot_stops_all)
{
	g_autofree char *object = NULL;
	g_autofree char *path = NULL;
	VkCollectResult result;
	g_autoptr(GError) error = NULL;
	guint64 before;

	save_generations(GENERATIONS, SIZE);
	object = vk_snapshot_key_object(snapshots[2]->uuid, snapshots[2]->time, snapshots[2]->id);
	path = test_vault_path(vault, object);
	ck_assert(g_file_set_contents(path, "{}\n", -1, NULL));
	forget(0);
	before = pack_bytes();
	ck_assert(!vk_collect(vault, &plain, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, snapshots[2]->time));
	ck_assert_uint_eq(pack_bytes(), before);
	check_tidy();
	/* Forgetting it is the way out. */
	forget(2);
	ck_assert_uint_eq(collect_well(&plain).snapshots, 1);
	check_existing();
	drop_generations();
}
END_TEST

#define FOREIGN "0123456789abcdef0123456789abcdef"

static GString *steps;

static void note_step(gpointer user, const char *text)
{
	g_string_append_printf(steps, "%s\n", text);
}

START_TEST(a_writer_is_waited_for_until_it_is_suspected)
{
	const VkCollectOptions hasty = {.suspect_usec = G_USEC_PER_SEC, .on_step = note_step};
	g_autoptr(json_t) lease =
		json_pack("{s:s, s:s, s:{s:s}}", "kind", "write", "since", "20261122T201405Z",
			  "owner", "host", "elsewhere.example");
	gint64 begun = g_get_monotonic_time();
	guint64 size;

	steps = g_string_new(NULL);
	save_generations(GENERATIONS, SIZE);
	put_foreign_lease(FOREIGN, "0", lease);
	for (guint i = 0; i < GENERATIONS; i++)
		forget(i);
	ck_assert_uint_gt(collect_well(&hasty).packs, 0);
	ck_assert_int_ge(g_get_monotonic_time() - begun, G_USEC_PER_SEC);
	ck_assert_msg(g_pattern_match_simple("*waiting for backups that are at work: host "
					     "'elsewhere.example' since 2026-11-22 *",
					     steps->str),
		      "%s", steps->str);
	g_string_free(steps, TRUE);
	/* It may be alive, so its lease and the order stay. */
	ck_assert(vault->store->ops->head(vault->store, "leases/" FOREIGN ".0", &size, NULL, NULL));
	ck_assert(vault->store->ops->head(vault->store, "fence/" FOREIGN ".0", &size, NULL, NULL));
	check_existing();
	drop_generations();
}
END_TEST

/* It goes on after a year, and what it puts then is whole. */
START_TEST(the_intent_of_a_fenced_writer_keeps_its_blocks)
{
	const VkCollectOptions hasty = {.suspect_usec = 1};
	g_autoptr(json_t) lease =
		json_pack("{s:s, s:{s:s}}", "kind", "write", "owner", "host", "elsewhere.example");
	g_autofree char *object = NULL;
	g_autofree char *path = NULL;
	g_autofree char *bytes = NULL;
	gsize length;
	g_autoptr(json_t) snapshot = NULL;
	g_autoptr(json_t) intent = NULL;
	g_autoptr(VkSnapshotKey) key = NULL;

	save_generations(GENERATIONS, SIZE);
	object = vk_snapshot_key_object(snapshots[3]->uuid, snapshots[3]->time, snapshots[3]->id);
	path = test_vault_path(vault, object);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	snapshot = vk_checked_json_get(vault->store, object, NULL);
	intent = json_pack("{s:s, s:O}", "name", object, "object", snapshot);
	put_foreign_lease(FOREIGN, "0", lease);
	put_foreign_lease(FOREIGN, "commit", intent);
	for (guint i = 0; i < GENERATIONS; i++)
		if (i != 3)
			forget(i);
	/* As if it had not been put. */
	ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	ck_assert_uint_eq(collect_well(&hasty).snapshots, GENERATIONS - 1);
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	ck_assert(exists(3));
	check_existing();
	drop_generations();
}
END_TEST

/* Of an earlier version, whose backups have no leases: those at work have to end first. */
START_TEST(an_older_vault_is_taken_over_first)
{
	g_autoptr(json_t) object = NULL;
	VkCollectResult result;
	guint64 before;

	save_generations(GENERATIONS, SIZE);
	object = vk_checked_json_get(vault->store, "vault.json", NULL);
	ck_assert_ptr_nonnull(object);
	json_array_clear(json_object_get(json_object_get(object, "features"), "ro_compat"));
	if (vault->keyring)
		vk_vault_sign_description(vault->keyring, object);
	ck_assert(vk_checked_json_put(vault->store, "vault.json", object, VK_PUT_OVER, NULL));
	for (guint i = 0; i < GENERATIONS; i++)
		forget(i);
	before = pack_bytes();
	result = collect_well(&plain);
	ck_assert(result.took_over);
	ck_assert_uint_eq(result.snapshots, 0);
	ck_assert_uint_eq(pack_bytes(), before);
	result = collect_well(&plain);
	ck_assert(!result.took_over);
	ck_assert_uint_eq(result.snapshots, GENERATIONS);
	drop_generations();
}
END_TEST

static const VkStoreOps *sound;
static VkSession *late_session;
static VkImageRecord *late_image;
static VkSnapshot *late_snapshot;

/* The writer commits as soon as the announcement is there, and is gone when leases are listed. */
static gboolean finish_and_commit(VkNewObject *object, const char *name, VkPutMode mode,
				  GError **error)
{
	gboolean done = sound->finish(object, name, mode, error);

	if (done && g_str_has_prefix(name, "gc/")) {
		vault->store->ops = sound;
		late_snapshot = commit(late_session, late_image);
		vk_session_free(g_steal_pointer(&late_session));
	}
	return done;
}

/* It began before the announcement, so it may use what is condemned. */
START_TEST(a_writer_that_commits_meanwhile_keeps_its_blocks)
{
	VkSaveStats stats = {0};
	VkStoreOps hooked;
	VkCollectResult result;
	g_autoptr(VkVault) fresh = NULL;

	save_generations(GENERATIONS, SIZE);
	late_session = vk_session_new(vault, 1, NULL);
	late_image = save(late_session, models[0], NULL, &stats);
	ck_assert_uint_eq(stats.fresh, 0);
	for (guint i = 0; i < GENERATIONS; i++)
		forget(i);
	sound = vault->store->ops;
	hooked = *sound;
	hooked.finish = finish_and_commit;
	vault->store->ops = &hooked;
	result = collect_well(&plain);
	vault->store->ops = sound;
	ck_assert_uint_eq(result.snapshots, GENERATIONS);
	ck_assert_ptr_nonnull(late_snapshot);
	fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);
	check_image(fresh, image_of(late_snapshot), models[0]);
	vk_snapshot_free(g_steal_pointer(&late_snapshot));
	check_tidy();
	drop_generations();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_is_kept_reads_as_before, 0, 6);
	tcase_add_test(tcase, a_pack_that_is_half_dead_is_written_anew);
	tcase_add_test(tcase, nothing_is_left_of_a_vault_that_is_forgotten);
	tcase_add_test(tcase, a_vault_without_garbage_is_left_alone);
	tcase_add_test(tcase, a_reader_keeps_what_it_reads);
	tcase_add_test(tcase, an_unreadable_snapshot_stops_all);
	tcase_add_test(tcase, a_writer_is_waited_for_until_it_is_suspected);
	tcase_add_test(tcase, the_intent_of_a_fenced_writer_keeps_its_blocks);
	tcase_add_test(tcase, a_writer_that_commits_meanwhile_keeps_its_blocks);
	tcase_add_test(tcase, an_older_vault_is_taken_over_first);
}

int main(void)
{
	return run_image_tests("collect", add);
}
