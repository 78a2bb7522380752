/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hints and the cache come back from packs and snapshots, and nothing else changes. */
#include "rebuild.h"

#include "catalog.h"
#include "errors.h"
#include "image-bed.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define N_BLOCKS 12u

static MemSource *source;
static VkPackId pack;
static VkSnapshot *snapshot;
static char *cache;

static void open_vault(VkVaultMode mode)
{
	vk_vault_free(vault);
	vault = vk_vault_open(directory, mode, NULL);
	ck_assert_ptr_nonnull(vault);
	vk_vault_set_cache_directory(vault, cache);
}

static void prepare(void)
{
	source = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	snapshot = commit_one_pack(source, &pack);
	cache = g_strconcat(directory, "-cache", NULL);
	ck_assert_int_eq(g_mkdir(cache, 0700), 0);
	open_vault(VK_VAULT_WRITE);
}

static void finish(void)
{
	vk_source_free(&source->base);
	g_clear_pointer(&snapshot, vk_snapshot_free);
	temp_directory_remove(cache);
	g_clear_pointer(&cache, g_free);
}

/* Names of the objects in FOLDER. New. */
static GPtrArray *list(const char *folder)
{
	GPtrArray *names = vault->store->ops->list(vault->store, folder, NULL);

	ck_assert_ptr_nonnull(names);
	return names;
}

static void remove_hints(void)
{
	g_autoptr(GPtrArray) names = list("hints");

	ck_assert_uint_gt(names->len, 0);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *name = g_build_filename("hints", names->pdata[i], NULL);

		ck_assert(vault->store->ops->delete (vault->store, name, NULL));
	}
}

/* The only one. New string. */
static char *only_hint(void)
{
	g_autoptr(GPtrArray) names = list("hints");

	ck_assert_uint_eq(names->len, 1);
	return g_strdup(names->pdata[0]);
}

static void rebuild(gboolean dry_run, guint packs, guint snapshots, guint damaged)
{
	g_autoptr(GError) error = NULL;
	VkRebuildResult result;

	ck_assert_msg(vk_rebuild(vault, dry_run, &result, &error), "%s",
		      error ? error->message : "");
	ck_assert_uint_eq(result.hints.packs, packs);
	ck_assert_uint_eq(result.hints.unreadable, 1 - packs);
	ck_assert_uint_eq(result.snapshots, snapshots);
	ck_assert_uint_eq(result.damaged, damaged);
}

/* Every block of the source is found, where it is. */
static void expect_hints(void)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);
	g_autoptr(VkHints) hints = vk_hints_open(&place, NULL);
	g_autoptr(VkHasher) hasher = vk_hasher_new(vk_vault_id_key(vault));

	for (gsize i = 0; i < N_BLOCKS; i++) {
		VkBlockId id =
			vk_hasher_id(hasher, source->bytes + i * VK_BLOCK_SIZE, VK_BLOCK_SIZE);
		VkPackId found;
		guint32 slot;

		ck_assert(vk_hints_lookup(hints, &id, &found, &slot));
		ck_assert(vk_pack_id_equal(&found, &pack));
	}
}

START_TEST(lost_hints_come_back)
{
	g_autofree char *hint = NULL;
	g_autoptr(GPtrArray) names = NULL;

	prepare();
	remove_hints();
	rebuild(TRUE, 1, 1, 0);
	names = list("hints");
	ck_assert_uint_eq(names->len, 0);
	rebuild(FALSE, 1, 1, 0);
	hint = only_hint();
	expect_hints();
	finish();
}
END_TEST

/* Others would stay for ever, because nobody sees that they are of no use. */
START_TEST(old_hints_are_replaced)
{
	g_autofree char *before = NULL, *after = NULL;

	prepare();
	before = only_hint();
	rebuild(TRUE, 1, 1, 0);
	after = only_hint();
	ck_assert_str_eq(before, after);
	rebuild(FALSE, 1, 1, 0);
	g_free(after);
	after = only_hint();
	ck_assert_str_ne(before, after);
	expect_hints();
	finish();
}
END_TEST

/* It has no hints, and the snapshot is as it was. */
START_TEST(an_unreadable_pack_is_counted)
{
	g_autoptr(GPtrArray) names = NULL;
	g_autofree char *folder = NULL, *object = NULL, *path = NULL;

	prepare();
	object = vk_pack_object(&pack, 0);
	path = test_vault_path(vault, object);
	ck_assert_int_eq(truncate(path, 300), 0);
	open_vault(VK_VAULT_WRITE);
	rebuild(FALSE, 0, 1, 0);
	names = list("hints");
	ck_assert_uint_eq(names->len, 0);
	finish();
}
END_TEST

static const VkStoreOps *sound;

static gboolean get_no_pack(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	return g_str_has_prefix(name, "packs/")
		       ? vk_fail(error, VK_ERROR_FAILED, "cannot read '%s'", name)
		       : sound->get(store, name, offset, buf, length, error);
}

/* From now on packs are listed, but none can be read. */
static void begin_outage(void)
{
	static VkStoreOps failing;

	sound = vault->store->ops;
	failing = *sound;
	failing.get = get_no_pack;
	failing.get_tail = NULL;
	vault->store->ops = &failing;
}

static void end_outage(void)
{
	vault->store->ops = sound;
}

/* The packs may be sound. */
START_TEST(an_outage_ends_a_rebuild_and_old_hints_stay)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *before = NULL, *after = NULL;
	VkRebuildResult result;

	prepare();
	before = only_hint();
	begin_outage();
	ck_assert(!vk_rebuild(vault, FALSE, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert(!vk_rebuild(vault, TRUE, &result, NULL));
	end_outage();
	after = only_hint();
	ck_assert_str_eq(before, after);
	finish();
}
END_TEST

static VkHints *open_hints(void)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);

	return vk_hints_open(&place, NULL);
}

/* Commits a hint of a block that no pack has, with hints that were opened in an outage. */
static void commit_in_outage(void)
{
	const VkBlockId id = {{1}};
	g_autoptr(VkHints) hints = NULL;

	begin_outage();
	hints = open_hints();
	ck_assert_ptr_nonnull(hints);
	end_outage();
	vk_hints_add(hints, &id, &pack, 0);
	ck_assert(vk_hints_commit(hints, NULL));
}

/* A file with this one alone would be taken for all hints. */
START_TEST(lost_hints_come_back_after_an_outage)
{
	g_autoptr(GPtrArray) names = NULL;

	prepare();
	remove_hints();
	commit_in_outage();
	names = list("hints");
	ck_assert_uint_eq(names->len, 0);
	expect_hints();
	finish();
}
END_TEST

/* The damaged file shows the next session that hints are missing. */
START_TEST(damaged_hints_come_back_after_an_outage)
{
	g_autofree char *hint = NULL, *name = NULL, *path = NULL;
	g_autoptr(GPtrArray) names = NULL;

	prepare();
	hint = only_hint();
	name = g_build_filename("hints", hint, NULL);
	path = test_vault_path(vault, name);
	ck_assert_int_eq(truncate(path, 20), 0);
	commit_in_outage();
	names = list("hints");
	ck_assert_uint_eq(names->len, 2);
	expect_hints();
	finish();
}
END_TEST

static char *snapshot_file(void)
{
	g_autofree char *name =
		vk_snapshot_key_object(snapshot->uuid, snapshot->time, snapshot->id);

	return test_vault_path(vault, name);
}

/* It stays damaged: nothing of it is guessed. */
START_TEST(a_damaged_snapshot_is_counted_and_left_alone)
{
	g_autofree char *path = NULL, *before = NULL, *after = NULL;
	gsize length, length_after;

	prepare();
	path = snapshot_file();
	ck_assert(g_file_get_contents(path, &before, &length, NULL));
	before[length / 2] ^= 1;
	ck_assert(g_file_set_contents(path, before, (gssize)length, NULL));
	open_vault(VK_VAULT_WRITE);
	rebuild(FALSE, 1, 0, 1);
	ck_assert(g_file_get_contents(path, &after, &length_after, NULL));
	ck_assert_uint_eq(length, length_after);
	ck_assert(memcmp(before, after, length) == 0);
	finish();
}
END_TEST

static gboolean goes_away, is_away;

/* At the first snapshot that is to be read. */
static gboolean fail_to_read(const char *name, GError **error)
{
	is_away = goes_away;
	return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s'", name);
}

static gboolean get_no_snapshot(VkStore *store, const char *name, guint64 offset, void *buf,
				gsize length, GError **error)
{
	return g_str_has_prefix(name, "snaps/")
		       ? fail_to_read(name, error)
		       : sound->get(store, name, offset, buf, length, error);
}

static GBytes *get_all_of_no_snapshot(VkStore *store, const char *name, gsize limit, GError **error)
{
	if (!g_str_has_prefix(name, "snaps/"))
		return sound->get_all(store, name, limit, error);
	fail_to_read(name, error);
	return NULL;
}

static GPtrArray *list_if_there(VkStore *store, const char *folder, GError **error)
{
	if (!is_away)
		return sound->list(store, folder, error);
	vk_fail(error, VK_ERROR_FAILED, "cannot list '%s'", folder);
	return NULL;
}

/* No snapshot can be read. If the storage GOES then, none can be listed either. */
static gboolean rebuild_without_snapshots(gboolean goes, VkRebuildResult *result, GError **error)
{
	VkStoreOps failing = *vault->store->ops;
	gboolean done;

	sound = vault->store->ops;
	failing.get = get_no_snapshot;
	failing.get_all = sound->get_all ? get_all_of_no_snapshot : NULL;
	failing.list = list_if_there;
	goes_away = goes;
	vault->store->ops = &failing;
	done = vk_rebuild(vault, FALSE, result, error);
	vault->store->ops = sound;
	return done;
}

START_TEST(a_snapshot_that_a_disk_has_lost_is_counted)
{
	VkRebuildResult result;

	prepare();
	ck_assert(rebuild_without_snapshots(FALSE, &result, NULL));
	ck_assert_uint_eq(result.snapshots, 0);
	ck_assert_uint_eq(result.damaged, 1);
	finish();
}
END_TEST

START_TEST(a_snapshot_is_not_damaged_because_the_storage_is_away)
{
	g_autoptr(GError) error = NULL;
	VkRebuildResult result;

	prepare();
	ck_assert(!rebuild_without_snapshots(TRUE, &result, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	finish();
}
END_TEST

/* Blocks are left of a snapshot whose object is gone, but it is not listed. */
START_TEST(a_lost_snapshot_stays_lost)
{
	g_autoptr(GPtrArray) keys = NULL;
	g_autofree char *path = NULL;

	prepare();
	path = snapshot_file();
	ck_assert_int_eq(g_unlink(path), 0);
	open_vault(VK_VAULT_WRITE);
	rebuild(FALSE, 1, 0, 0);
	keys = vk_catalog_list_all(vault, NULL, NULL);
	ck_assert_uint_eq(keys->len, 0);
	expect_hints();
	finish();
}
END_TEST

static char *cache_file(void)
{
	return g_strdup_printf("%s/%s.sqlite", cache, vk_vault_id(vault));
}

static gboolean is_cache(const char *path)
{
	g_autofree char *bytes = NULL;
	gsize length;

	return g_file_get_contents(path, &bytes, &length, NULL) && length > 16 &&
	       memcmp(bytes, "SQLite format 3", 16) == 0;
}

/* What has just changed is not cached. */
static void age_snapshot(void)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *path = snapshot_file();

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(the_cache_is_made_anew)
{
	g_autofree char *path = NULL;

	prepare();
	age_snapshot();
	path = cache_file();
	ck_assert(g_file_set_contents(path, "no cache", -1, NULL));
	rebuild(TRUE, 1, 1, 0);
	ck_assert(!is_cache(path));
	rebuild(FALSE, 1, 1, 0);
	open_vault(VK_VAULT_READ);
	ck_assert(is_cache(path));
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, lost_hints_come_back);
	tcase_add_test(tcase, old_hints_are_replaced);
	tcase_add_test(tcase, an_unreadable_pack_is_counted);
	tcase_add_test(tcase, an_outage_ends_a_rebuild_and_old_hints_stay);
	tcase_add_test(tcase, lost_hints_come_back_after_an_outage);
	tcase_add_test(tcase, damaged_hints_come_back_after_an_outage);
	tcase_add_test(tcase, a_damaged_snapshot_is_counted_and_left_alone);
	tcase_add_test(tcase, a_snapshot_that_a_disk_has_lost_is_counted);
	tcase_add_test(tcase, a_snapshot_is_not_damaged_because_the_storage_is_away);
	tcase_add_test(tcase, a_lost_snapshot_stays_lost);
	tcase_add_test(tcase, the_cache_is_made_anew);
}

int main(void)
{
	return run_image_tests("rebuild", add);
}
