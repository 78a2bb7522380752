/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The collector: what is listed reads as before, what nothing refers to goes, whoever else is at
 * work keeps what is theirs, and any call to the store may fail.
 */
#include "catalog.h"
#include "checked-json.h"
#include "collect.h"
#include "errors.h"
#include "image-bed.h"
#include "interrupt.h"
#include "lease.h"
#include "lease-list.h"
#include "session-priv.h"
#include "vault-image.h"

#include <string.h>

#define GENERATIONS 8
#define SIZE        (20u * 1024 * 1024 + 12345)

static MemSource *models[GENERATIONS];
static VkSnapshot *snapshots[GENERATIONS];
static const VkCollectOptions plain;

static void save_generations(void)
{
	for (guint i = 0; i < GENERATIONS; i++) {
		g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
		VkSaveStats stats = {0};

		models[i] = i == 0 ? mem_source_new(SIZE) : mem_source_resized(models[i - 1], SIZE);
		mem_source_scribble(models[i], seeded, i == 0 ? 40 : 8, 60);
		if (i > 0)
			mem_source_track(models[i], models[i - 1], seeded);
		snapshots[i] =
			commit(session, save(session, models[i],
					     i == 0 ? NULL : image_of(snapshots[i - 1]), &stats));
	}
}

static void drop_generations(void)
{
	for (guint i = 0; i < GENERATIONS; i++) {
		vk_snapshot_free(snapshots[i]);
		vk_source_free(&models[i]->base);
	}
}

static VkSnapshotKey *find_key(guint i)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, UUID, NULL);

	ck_assert_ptr_nonnull(keys);
	for (guint j = 0; j < keys->len; j++) {
		VkSnapshotKey *key = g_ptr_array_index(keys, j);

		if (strcmp(key->id, snapshots[i]->id) == 0)
			return g_ptr_array_steal_index(keys, j);
	}
	return NULL;
}

static void forget(guint i)
{
	g_autoptr(VkSnapshotKey) key = find_key(i);

	ck_assert_ptr_nonnull(key);
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
}

static gboolean exists(guint i)
{
	g_autoptr(VkSnapshotKey) key = find_key(i);

	return key != NULL;
}

/* As a process of its own reads them, not only the listed ones. */
static void check_existing(void)
{
	g_autoptr(VkVault) fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);

	for (guint i = 0; i < GENERATIONS; i++) {
		g_autoptr(VkImage) image = NULL;
		g_autofree guint8 *bytes = g_malloc(SIZE);
		GError *error = NULL;

		if (!exists(i))
			continue;
		image = vk_vault_image_open(fresh, image_of(snapshots[i]), &error);
		ck_assert_msg(vk_image_read(image, 0, bytes, SIZE, &error), "%u: %s", i,
			      error ? error->message : "");
		ck_assert(memcmp(bytes, models[i]->bytes, SIZE) == 0);
	}
}

static guint64 pack_bytes(void)
{
	g_autoptr(GPtrArray) folders = vault->store->ops->list(vault->store, "packs", NULL);
	guint64 total = 0;

	for (guint i = 0; i < folders->len; i++) {
		g_autofree char *folder = g_build_filename("packs", folders->pdata[i], NULL);
		g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

		for (guint j = 0; j < names->len; j++) {
			g_autofree char *name = g_build_filename(folder, names->pdata[j], NULL);
			guint64 size;

			ck_assert(vault->store->ops->head(vault->store, name, &size, NULL, NULL));
			total += size;
		}
	}
	return total;
}

static guint count_in(const char *folder)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

	return names->len;
}

static VkCollectResult collect_well(const VkCollectOptions *options)
{
	VkCollectResult result;
	GError *error = NULL;

	ck_assert_msg(vk_collect(vault, options, &result, &error), "%s",
		      error ? error->message : "");
	return result;
}

/* Once nobody works, nothing of anybody's work is left. */
static void check_tidy(void)
{
	ck_assert_uint_eq(count_in("leases"), 0);
	ck_assert_uint_eq(count_in("gc"), 0);
	ck_assert_uint_eq(count_in("fence"), 0);
}

START_TEST(what_is_kept_reads_as_before)
{
	const VkCollectOptions dry = {.dry_run = TRUE};
	VkCollectResult foreseen, done, again;
	guint forgotten = 0;
	guint64 before;

	save_generations();
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
	ck_assert(memcmp(&done, &foreseen, sizeof(done)) == 0);
	ck_assert_uint_eq(pack_bytes(), before - done.bytes);
	check_existing();
	check_tidy();
	again = collect_well(&plain);
	ck_assert_uint_eq(again.packs + again.compacted + again.snapshots, 0);
	drop_generations();
}
END_TEST

static VkSnapshot *save_whole(MemSource *source)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSaveStats stats = {0};

	return commit(session, save(session, source, NULL, &stats));
}

/* Two thirds of its blocks are of a snapshot that is forgotten. */
START_TEST(a_pack_that_is_half_dead_is_written_anew)
{
	const VkCollectOptions dry = {.dry_run = TRUE};
	MemSource *old = mem_source_new(60u * VK_BLOCK_SIZE);
	MemSource *young;
	VkCollectResult foreseen, done;
	g_autoptr(VkVault) fresh = NULL;
	guint64 before;

	fill_with_noise(old);
	young = mem_source_resized(old, old->base.size);
	fill_with_noise(young);
	memcpy(young->bytes, old->bytes, 20u * VK_BLOCK_SIZE);
	snapshots[0] = save_whole(old);
	snapshots[1] = save_whole(young);
	forget(0);
	before = pack_bytes();
	foreseen = collect_well(&dry);
	done = collect_well(&plain);
	ck_assert_uint_eq(done.compacted, 1);
	ck_assert_uint_gt(done.bytes, 39u * VK_BLOCK_SIZE);
	ck_assert(memcmp(&done, &foreseen, sizeof(done)) == 0);
	ck_assert_uint_eq(pack_bytes(), before - done.bytes);
	fresh = vk_vault_open(directory, VK_VAULT_READ, NULL);
	check_image(fresh, image_of(snapshots[1]), young);
	check_tidy();
	vk_snapshot_free(snapshots[0]);
	vk_snapshot_free(snapshots[1]);
	vk_source_free(&old->base);
	vk_source_free(&young->base);
}
END_TEST

START_TEST(nothing_is_left_of_a_vault_that_is_forgotten)
{
	save_generations();
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

	save_generations();
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

	save_generations();
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

	save_generations();
	object = vk_snapshot_key_object(snapshots[2]->uuid, snapshots[2]->time, snapshots[2]->id);
	path = g_build_filename(directory, object, NULL);
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

/* A writer of another host that is slow, and one that is dead. */
static void put_foreign_lease(const char *id, const char *part, json_t *object)
{
	g_autofree char *name = g_strdup_printf("leases/%s.%s", id, part);

	ck_assert(vk_checked_json_put(vault->store, name, object, VK_PUT_NOW, NULL));
}

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
	save_generations();
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
	g_autoptr(json_t) snapshot = NULL;
	g_autoptr(json_t) intent = NULL;
	g_autoptr(VkSnapshotKey) key = NULL;

	save_generations();
	object = vk_snapshot_key_object(snapshots[3]->uuid, snapshots[3]->time, snapshots[3]->id);
	path = g_build_filename(directory, object, NULL);
	ck_assert(g_file_get_contents(path, &bytes, NULL, NULL));
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
	ck_assert(g_file_set_contents(path, bytes, -1, NULL));
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

	save_generations();
	object = vk_checked_json_get(vault->store, "vault.json", NULL);
	ck_assert_ptr_nonnull(object);
	json_array_clear(json_object_get(json_object_get(object, "features"), "ro_compat"));
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

static guint calls_left;
static const VkStoreOps *sound;

static gboolean fails(GError **error)
{
	if (calls_left > 0 && --calls_left == 0)
		return !vk_fail(error, VK_ERROR_FAILED, "this call fails");
	return FALSE;
}

static VkNewObject *failing_begin(VkStore *store, const char *name, GError **error)
{
	return fails(error) ? NULL : sound->begin(store, name, error);
}

static gboolean failing_append(VkNewObject *object, const void *bytes, gsize length, GError **error)
{
	return !fails(error) && sound->append(object, bytes, length, error);
}

static gboolean failing_finish(VkNewObject *object, const char *name, VkPutMode mode,
			       GError **error)
{
	if (!fails(error))
		return sound->finish(object, name, mode, error);
	sound->drop(object);
	return FALSE;
}

static gboolean failing_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	return !fails(error) && sound->get(store, name, offset, buf, length, error);
}

static GPtrArray *failing_list(VkStore *store, const char *folder, GError **error)
{
	return fails(error) ? NULL : sound->list(store, folder, error);
}

static gboolean failing_delete(VkStore *store, const char *name, GError **error)
{
	return !fails(error) && sound->delete (store, name, error);
}

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

	save_generations();
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

static gboolean has_hints(void)
{
	return count_in("hints") > 0;
}

static VkNewObject *begin_without_room(VkStore *store, const char *name, GError **error)
{
	if (!has_hints())
		return sound->begin(store, name, error);
	vk_fail(error, VK_ERROR_FAILED, "no space left");
	return NULL;
}

START_TEST(a_full_disk_gets_room_again)
{
	VkStoreOps full;

	save_generations();
	ck_assert(has_hints());
	for (guint i = 0; i < GENERATIONS; i++)
		if (i != 3)
			forget(i);
	sound = vault->store->ops;
	full = *sound;
	full.begin = begin_without_room;
	vault->store->ops = &full;
	ck_assert_uint_eq(collect_well(&plain).snapshots, GENERATIONS - 1);
	vault->store->ops = sound;
	check_existing();
	check_tidy();
	drop_generations();
}
END_TEST

/* As the death of the process that could not end its lease does in the end. */
static void end_leases(void)
{
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, NULL);

	for (guint i = 0; i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);
		g_autoptr(json_t) nothing = json_object();

		if (!lease->ended)
			put_foreign_lease(lease->id, "end", nothing);
	}
}

/* Whatever call fails, what exists can be read, and the next run brings it to the end. */
START_TEST(any_call_may_fail)
{
	VkStoreOps failing;
	guint n, failures = 0;

	save_generations();
	forget(1);
	forget(4);
	forget(5);
	sound = vault->store->ops;
	failing = *sound;
	failing.begin = failing_begin;
	failing.append = failing_append;
	failing.finish = failing_finish;
	failing.get = failing_get;
	failing.list = failing_list;
	failing.delete = failing_delete;
	for (n = 1; n < 5000; n += 1 + n / 12) {
		VkCollectResult result;
		g_autoptr(GError) error = NULL;

		calls_left = n;
		vault->store->ops = &failing;
		if (!vk_collect(vault, &plain, &result, &error))
			failures++;
		vault->store->ops = sound;
		end_leases();
		check_existing();
		if (calls_left > 0)
			break;
	}
	ck_assert_uint_gt(failures, 10);
	calls_left = 0;
	collect_well(&plain);
	ck_assert(!exists(1) && !exists(4) && !exists(5));
	ck_assert(exists(0) && exists(2) && exists(7));
	check_existing();
	collect_well(&plain);
	check_tidy();
	drop_generations();
}
END_TEST

START_TEST(an_interruption_leaves_a_whole_vault)
{
	VkCollectResult result;
	g_autoptr(GError) error = NULL;

	save_generations();
	forget(0);
	vk_set_interrupted(TRUE);
	ck_assert(!vk_collect(vault, &plain, &result, &error));
	vk_set_interrupted(FALSE);
	ck_assert_str_eq(error->message, "interrupted");
	ck_assert(exists(0));
	check_existing();
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
	tcase_add_test(tcase, a_full_disk_gets_room_again);
	tcase_add_test(tcase, an_older_vault_is_taken_over_first);
	tcase_add_test(tcase, any_call_may_fail);
	tcase_add_test(tcase, an_interruption_leaves_a_whole_vault);
}

int main(void)
{
	return run_image_tests("collect", add);
}
