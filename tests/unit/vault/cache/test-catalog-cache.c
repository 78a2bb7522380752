/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever happens to the cache, the catalogue says what the store says. */
#include "catalog-cache.h"

#include "cache-bed.h"

#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Of an encrypted vault it shows neither guests nor what is in their snapshots. */
START_TEST(the_file_gives_nothing_away)
{
	static const char *const hidden[] = {
		UUID_A, UUID_B, "web", "crash", "20260101T120000Z", "listed", "snapshot"};
	g_autofree char *bytes = NULL;
	gsize length;

	warm_up();
	ck_assert(g_file_get_contents(cache_file, &bytes, &length, NULL));
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++) {
		gboolean is_there = memmem(bytes, length, hidden[i], strlen(hidden[i])) != NULL;

		ck_assert_msg(is_there == !test_is_encrypted(), "'%s'", hidden[i]);
	}
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
	VkCatalogCache *cache = vk_catalog_cache_new(cache_directory, "one", NULL);
	g_autoptr(GBytes) value = g_bytes_new_static("value", 5);
	g_autofree char *one = g_build_filename(cache_directory, "one.sqlite", NULL);
	g_autofree char *two = g_build_filename(cache_directory, "two.sqlite", NULL);
	g_autoptr(GBytes) same = NULL;

	vk_catalog_cache_put(cache, VK_SHELF_SUMMARIES, "folder", "name", 7, value);
	vk_catalog_cache_free(cache);
	cache = vk_catalog_cache_new(cache_directory, "one", NULL);
	same = vk_catalog_cache_get(cache, VK_SHELF_SUMMARIES, "folder", "name", 7);
	ck_assert_ptr_nonnull(same);
	ck_assert_ptr_null(vk_catalog_cache_get(cache, VK_SHELF_SUMMARIES, "folder", "name", 8));
	vk_catalog_cache_free(cache);
	ck_assert_int_eq(rename(one, two), 0);
	cache = vk_catalog_cache_new(cache_directory, "two", NULL);
	ck_assert_ptr_null(vk_catalog_cache_get(cache, VK_SHELF_SUMMARIES, "folder", "name", 7));
	vk_catalog_cache_free(cache);
}
END_TEST

START_TEST(a_wrong_entry_is_not_believed)
{
	warm_up();
	run_sql("UPDATE entries SET (sum, value) = (SELECT sum, value FROM entries other "
		"WHERE shelf = 1 AND folder > entries.folder) WHERE shelf = 1 AND folder = "
		"(SELECT min(folder) FROM entries WHERE shelf = 1)");
	expect_right();
	ck_assert_uint_ge(reads, DAYS);
}
END_TEST

START_TEST(a_replaced_object_is_read)
{
	g_autofree char *name = vk_snapshot_key_object(keys[0].uuid, keys[0].time, keys[0].id);
	g_autofree char *path = path_of(name);
	g_autofree char *text = NULL;
	gsize length;

	warm_up();
	ck_assert(g_file_get_contents(path, &text, &length, NULL));
	text[length / 2] ^= 1; /* the checksum does not fit any more */
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
	ck_assert_int_eq(count_sql("SELECT count(*) FROM entries WHERE shelf = 1"), 2 * DAYS);
	ck_assert(vk_catalog_delete(dir.vault, &keys[0], NULL));
	age_folders();
	expect_right();
	ck_assert_int_eq(count_sql("SELECT count(*) FROM entries WHERE shelf = 1"), 2 * DAYS - 1);
	for (int i = 1; i < DAYS; i++)
		ck_assert(vk_catalog_delete(dir.vault, &keys[i], NULL));
	ck_assert_int_eq(rmdir(folder), 0);
	age("snaps");
	expect_right();
	ck_assert_int_eq(count_sql("SELECT count(*) FROM entries WHERE shelf = 1"), DAYS);
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
	VkCatalogCache *cache = vk_catalog_cache_new(cache_directory, vk_vault_id(dir.vault),
						     vk_vault_keyring(dir.vault));
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

static void add(TCase *tcase)
{
	tcase_add_test(tcase, what_is_known_is_not_read_again);
	tcase_add_test(tcase, the_file_gives_nothing_away);
	tcase_add_test(tcase, damaged_bytes_do_no_harm);
	tcase_add_test(tcase, a_truncated_file_does_no_harm);
	tcase_add_test(tcase, another_vaults_file_is_not_believed);
	tcase_add_test(tcase, a_wrong_entry_is_not_believed);
	tcase_add_test(tcase, a_replaced_object_is_read);
	tcase_add_test(tcase, names_are_those_of_the_store);
	tcase_add_test(tcase, what_is_gone_is_dropped);
	tcase_add_test(tcase, without_a_place_nothing_is_cached);
	tcase_add_test(tcase, a_read_only_file_serves_still);
	tcase_add_test(tcase, a_locked_file_does_no_harm);
	tcase_add_test(tcase, another_versions_file_begins_anew);
	tcase_add_test(tcase, two_processes_may_use_it_at_once);
	tcase_add_test(tcase, a_kill_in_the_middle_does_no_harm);
}

int main(void)
{
	return run_cache_tests("catalog-cache", add);
}
