/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever happens to the cache, the catalogue says what the store says. */
#include "catalog-cache.h"

#include "catalog.h"
#include "checked-json.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define UUID_B "bbbbbbbb-0000-4000-8000-000000000002"
#define DAYS   3

static VaultDir dir;
static char *cache_directory, *cache_file;
static VkSnapshotKey keys[2 * DAYS];
static const VkStoreOps *plain;
static guint reads; /* of snapshot objects */

static char *path_of(const char *name)
{
	return g_build_filename(vk_vault_directory(dir.vault), name, NULL);
}

/* What has just changed is not cached, so that tests make everything look old. */
static void age(const char *name)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *path = path_of(name);

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void age_folders(void)
{
	age("snaps/" UUID_A);
	age("snaps/" UUID_B);
	age("snaps");
}

static void put(VkSnapshotKey *key, const char *uuid, const char *name, const char *time)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(uuid, time, vk_image_record_new(65536));
	g_autofree char *object = vk_snapshot_key_object(uuid, time, snapshot->id);
	g_autoptr(json_t) json = NULL;

	g_free(snapshot->name);
	snapshot->name = g_strdup(name);
	json = vk_snapshot_to_json(snapshot);
	ck_assert(vk_checked_json_put(dir.vault->store, object, json, VK_PUT_HINT, NULL));
	age(object);
	*key = (VkSnapshotKey){
		.uuid = g_strdup(uuid), .time = g_strdup(time), .id = g_strdup(snapshot->id)};
}

static void clear_key(VkSnapshotKey *key)
{
	g_free(key->uuid);
	g_free(key->time);
	g_free(key->id);
}

static void setup(void)
{
	vault_dir_new(&dir);
	cache_directory = g_build_filename(dir.path, "cache", NULL);
	cache_file = g_strdup_printf("%s/%s.sqlite", cache_directory, vk_vault_id(dir.vault));
	for (int i = 0; i < DAYS; i++) {
		g_autofree char *time = g_strdup_printf("202601%02dT120000Z", i + 1);

		put(&keys[i], UUID_A, "web", time);
		put(&keys[DAYS + i], UUID_B, "db", time);
	}
	age_folders();
}

static void teardown(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		clear_key(&keys[i]);
	g_free(cache_file);
	g_free(cache_directory);
	vault_dir_clear(&dir);
}

static gboolean counting_get(VkStore *store, const char *name, guint64 offset, void *buf,
			     gsize length, GError **error)
{
	reads += g_str_has_prefix(name, "snaps/");
	return plain->get(store, name, offset, buf, length, error);
}

static char *describe(VkVault *vault)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guest_names(vault, FALSE, NULL);
	GString *text = g_string_new(NULL);

	ck_assert_ptr_nonnull(guests);
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);
		g_autoptr(GPtrArray) list = vk_catalog_list(vault, guest->uuid, NULL);

		g_string_append_printf(text, "%s %s\n", guest->uuid, guest->view_name);
		for (guint j = 0; j < list->len; j++) {
			const VkSnapshotKey *key = g_ptr_array_index(list, j);
			g_autoptr(VkSnapshotSummary) summary =
				vk_catalog_summarize(vault, key, NULL);
			g_autoptr(json_t) report = vk_catalog_report(vault, key, NULL);
			g_autofree char *text_of_report =
				report ? vk_json_line(report) : g_strdup("");

			g_string_append_printf(text, "%s %s %s %" G_GUINT64_FORMAT "\n",
					       summary ? summary->name : "damaged",
					       summary ? summary->grade : "", text_of_report,
					       summary ? summary->size : 0);
		}
	}
	return g_string_free(text, FALSE);
}

/* What a program sees that uses the cache. READS says what it read for that. */
static char *look(void)
{
	g_autoptr(VkVault) vault =
		vk_vault_open(vk_vault_directory(dir.vault), VK_VAULT_READ, NULL);
	VkStoreOps ops = *vault->store->ops;
	char *text;

	vk_vault_set_cache_directory(vault, cache_directory);
	plain = vault->store->ops;
	ops.get = counting_get;
	vault->store->ops = &ops;
	reads = 0;
	text = describe(vault);
	g_clear_pointer(&vault->catalog, vk_catalog_cache_free);
	vault->store->ops = plain;
	return text;
}

/* What a program sees without a cache. */
static char *look_uncached(void)
{
	g_autoptr(VkVault) vault =
		vk_vault_open(vk_vault_directory(dir.vault), VK_VAULT_READ, NULL);

	return describe(vault);
}

static void expect_right(void)
{
	g_autofree char *expected = look_uncached();
	g_autofree char *seen = look();

	ck_assert_msg(strcmp(seen, expected) == 0, "%.500s\ninstead of\n%.500s", seen, expected);
}

static void warm_up(void)
{
	expect_right();
	expect_right();
	ck_assert_uint_eq(reads, 0);
}

static void run_sql(const char *text)
{
	sqlite3 *db = NULL;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open(cache_file, &db), SQLITE_OK);
	sqlite3_exec(db, text, NULL, NULL, &message);
	ck_assert_msg(!message, "%s", message);
	sqlite3_close(db);
}

static int count_sql(const char *text)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	int count;

	ck_assert_int_eq(sqlite3_open(cache_file, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

START_TEST(what_is_known_is_not_read_again)
{
	struct stat facts;

	warm_up();
	ck_assert_int_eq(stat(cache_file, &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 07777, 0600);
}
END_TEST

START_TEST(damaged_bytes_do_no_harm)
{
	g_autofree char *good = NULL;
	gsize length;

	warm_up();
	ck_assert(g_file_get_contents(cache_file, &good, &length, NULL));
	for (gsize at = 0; at < length; at += at < 100 ? 3 : 211) {
		g_autofree char *bad = g_memdup2(good, length);

		bad[at] = (char)(bad[at] ^ 0x55);
		ck_assert(g_file_set_contents(cache_file, bad, (gssize)length, NULL));
		expect_right();
	}
}
END_TEST

START_TEST(a_truncated_file_does_no_harm)
{
	g_autofree char *good = NULL;
	gsize length;

	warm_up();
	ck_assert(g_file_get_contents(cache_file, &good, &length, NULL));
	for (gsize left = 0; left < length; left = left * 2 + 1) {
		ck_assert(g_file_set_contents(cache_file, good, (gssize)left, NULL));
		expect_right();
	}
	unlink(cache_file);
	warm_up();
}
END_TEST

START_TEST(another_vaults_file_is_not_believed)
{
	VkCatalogCache *cache = vk_catalog_cache_new(cache_directory, "one");
	g_autoptr(GBytes) value = g_bytes_new_static("value", 5);
	g_autofree char *one = g_build_filename(cache_directory, "one.sqlite", NULL);
	g_autofree char *two = g_build_filename(cache_directory, "two.sqlite", NULL);
	g_autoptr(GBytes) same = NULL;

	vk_catalog_cache_put(cache, VK_SHELF_SUMMARIES, "folder", "name", 7, value);
	vk_catalog_cache_free(cache);
	cache = vk_catalog_cache_new(cache_directory, "one");
	same = vk_catalog_cache_get(cache, VK_SHELF_SUMMARIES, "folder", "name", 7);
	ck_assert_ptr_nonnull(same);
	ck_assert_ptr_null(vk_catalog_cache_get(cache, VK_SHELF_SUMMARIES, "folder", "name", 8));
	vk_catalog_cache_free(cache);
	ck_assert_int_eq(rename(one, two), 0);
	cache = vk_catalog_cache_new(cache_directory, "two");
	ck_assert_ptr_null(vk_catalog_cache_get(cache, VK_SHELF_SUMMARIES, "folder", "name", 7));
	vk_catalog_cache_free(cache);
}
END_TEST

START_TEST(a_wrong_entry_is_not_believed)
{
	warm_up();
	run_sql("UPDATE entries SET (sum, value) = (SELECT sum, value FROM entries "
		"WHERE shelf = 1 AND folder = '" UUID_A "') WHERE shelf = 1 AND folder = '" UUID_B
		"'");
	expect_right();
	ck_assert_uint_ge(reads, DAYS);
}
END_TEST

START_TEST(a_replaced_object_is_read)
{
	g_autofree char *name = vk_snapshot_key_object(keys[0].uuid, keys[0].time, keys[0].id);
	g_autofree char *path = path_of(name);
	g_autofree char *text = NULL;
	char *at;
	gsize length;

	warm_up();
	ck_assert(g_file_get_contents(path, &text, &length, NULL));
	at = strstr(text, "web");
	ck_assert_ptr_nonnull(at);
	memcpy(at, "WEB", 3); /* the checksum does not fit any more */
	ck_assert(g_file_set_contents(path, text, (gssize)length, NULL));
	age(name);
	expect_right();
	ck_assert_uint_gt(reads, 0);
}
END_TEST

START_TEST(names_are_those_of_the_store)
{
	VkSnapshotKey fresh;

	warm_up();
	put(&fresh, UUID_A, "renamed", "20260201T120000Z");
	age_folders();
	expect_right();
	ck_assert(vk_catalog_forget(dir.vault, &fresh, NULL, NULL));
	expect_right();
	clear_key(&fresh);
}
END_TEST

START_TEST(what_is_gone_is_dropped)
{
	g_autofree char *folder = path_of("snaps/" UUID_A);

	warm_up();
	ck_assert_int_eq(
		count_sql("SELECT count(*) FROM entries WHERE shelf = 1 AND folder = '" UUID_A "'"),
		DAYS);
	ck_assert(vk_catalog_delete(dir.vault, &keys[0], NULL));
	age_folders();
	expect_right();
	ck_assert_int_eq(
		count_sql("SELECT count(*) FROM entries WHERE shelf = 1 AND folder = '" UUID_A "'"),
		DAYS - 1);
	for (int i = 1; i < DAYS; i++)
		ck_assert(vk_catalog_delete(dir.vault, &keys[i], NULL));
	ck_assert_int_eq(rmdir(folder), 0);
	age("snaps");
	expect_right();
	ck_assert_int_eq(
		count_sql("SELECT count(*) FROM entries WHERE shelf = 1 AND folder = '" UUID_A "'"),
		0);
}
END_TEST

START_TEST(without_a_place_nothing_is_cached)
{
	g_autofree char *blocked = g_build_filename(dir.path, "file", NULL);

	ck_assert(g_file_set_contents(blocked, "", 0, NULL));
	g_free(cache_directory);
	cache_directory = g_build_filename(blocked, "below", NULL);
	expect_right();
	g_free(cache_directory);
	cache_directory = g_build_filename(dir.path, "cache", NULL);
	ck_assert_int_eq(g_mkdir_with_parents(cache_file, 0700), 0);
	expect_right();
}
END_TEST

START_TEST(a_read_only_file_serves_still)
{
	warm_up();
	ck_assert_int_eq(chmod(cache_file, 0400), 0);
	ck_assert_int_eq(chmod(cache_directory, 0500), 0);
	expect_right();
	ck_assert_uint_eq(reads, 0);
	clear_key(&keys[0]);
	put(&keys[0], UUID_A, "web", "20260301T120000Z");
	age_folders();
	expect_right();
	ck_assert_int_eq(chmod(cache_directory, 0700), 0);
}
END_TEST

START_TEST(a_locked_file_does_no_harm)
{
	sqlite3 *db = NULL;

	warm_up();
	ck_assert_int_eq(sqlite3_open(cache_file, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	expect_right();
	sqlite3_close(db);
	warm_up();
}
END_TEST

START_TEST(another_versions_file_begins_anew)
{
	warm_up();
	run_sql("DROP TABLE entries; CREATE TABLE entries (other); PRAGMA user_version = 1");
	expect_right();
	expect_right();
	ck_assert_uint_eq(reads, 0);
}
END_TEST

START_TEST(two_processes_may_use_it_at_once)
{
	pid_t children[2];
	int status;

	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			for (int round = 0; round < 20; round++) {
				g_autofree char *seen = look();
				g_autofree char *expected = look_uncached();

				if (strcmp(seen, expected) != 0)
					_exit(1);
				if (round % 5 == 4)
					unlink(cache_file);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	expect_right();
}
END_TEST

/* Puts without an end, and says so on the pipe after the first hundred. */
static void put_until_killed(int pipe_end)
{
	VkCatalogCache *cache = vk_catalog_cache_new(cache_directory, vk_vault_id(dir.vault));
	g_autoptr(GBytes) value = g_bytes_new_take(g_malloc0(3000), 3000);

	for (guint64 i = 0;; i++) {
		g_autofree char *name = g_strdup_printf("%" G_GUINT64_FORMAT, i);

		vk_catalog_cache_put(cache, VK_SHELF_SUMMARIES, UUID_A, name, i, value);
		if (i == 2500 && write(pipe_end, "x", 1) < 0)
			_exit(1);
	}
}

START_TEST(a_kill_in_the_middle_does_no_harm)
{
	for (int round = 0; round < 10; round++) {
		int ends[2], status;
		char letter;
		pid_t child;

		warm_up();
		ck_assert_int_eq(pipe(ends), 0);
		child = fork();
		if (child == 0)
			put_until_killed(ends[1]);
		ck_assert_int_eq(read(ends[0], &letter, 1), 1);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		close(ends[0]);
		close(ends[1]);
		expect_right();
		ck_assert_uint_eq(reads, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catalog-cache");
	TCase *cases = tcase_create("catalog-cache");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_is_known_is_not_read_again);
	tcase_add_test(cases, damaged_bytes_do_no_harm);
	tcase_add_test(cases, a_truncated_file_does_no_harm);
	tcase_add_test(cases, another_vaults_file_is_not_believed);
	tcase_add_test(cases, a_wrong_entry_is_not_believed);
	tcase_add_test(cases, a_replaced_object_is_read);
	tcase_add_test(cases, names_are_those_of_the_store);
	tcase_add_test(cases, what_is_gone_is_dropped);
	tcase_add_test(cases, without_a_place_nothing_is_cached);
	tcase_add_test(cases, a_read_only_file_serves_still);
	tcase_add_test(cases, a_locked_file_does_no_harm);
	tcase_add_test(cases, another_versions_file_begins_anew);
	tcase_add_test(cases, two_processes_may_use_it_at_once);
	tcase_add_test(cases, a_kill_in_the_middle_does_no_harm);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
