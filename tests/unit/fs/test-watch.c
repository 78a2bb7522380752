/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of a real vault while snapshots come, go and turn out damaged; and its open files. */
#include "watch.h"

#include "errors.h"
#include "log.h"
#include "memory-source.h"
#include "session.h"
#include "temp-vault.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define T1   "20261120T100000Z"
#define T2   "20261121T100000Z"
/* Bound of every wait. */
#define PATIENCE (20 * G_USEC_PER_SEC)

static char *directory;
static VkVault *vault;
static VkViewCache *cache;
static VkOnceLog *once;

/* What the watch told. */
static GMutex lock;
static GCond told;
static GPtrArray *entries; /* names */
static guint inodes;
static gint held; /* atomic: the test answers from an old tree */
static gboolean overtaken;

static VkView *load(void *data, const VkSnapshotKey *key, GError **error)
{
	VkSnapshot *snapshot = vk_catalog_load(data, key, error);

	return snapshot ? vk_view_new(data, snapshot) : NULL;
}

static void set_up(void)
{
	vk_log_set_level(VK_LOG_QUIET);
	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
	cache = vk_view_cache_new(load, vault, 4);
	once = vk_once_log_new(10);
	entries = g_ptr_array_new_with_free_func(g_free);
	inodes = 0;
	overtaken = FALSE;
	g_atomic_int_set(&held, FALSE);
}

static void tear_down(void)
{
	g_ptr_array_unref(entries);
	vk_once_log_free(once);
	vk_view_cache_free(cache);
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

/* Three blocks and a bit: a hole, data, a hole. Returns the object's path. */
static char *take_snapshot(const char *time)
{
	MemSource *source = mem_source_new(3 * VK_BLOCK_SIZE + 512);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autofree char *object = NULL;
	VkSaveStats stats = {0};
	VkImageRecord *image;

	memset(source->bytes + VK_BLOCK_SIZE, 'x', VK_BLOCK_SIZE);
	memset(source->kinds + VK_BLOCK_SIZE / MEM_UNIT, VK_SOURCE_DATA, VK_BLOCK_SIZE / MEM_UNIT);
	image = vk_session_save(session, &source->base, NULL, &stats, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	snapshot = make_snapshot(UUID, time, image);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	vk_source_free(&source->base);
	object = vk_snapshot_key_object(UUID, time, snapshot->id);
	return g_build_filename(directory, object, NULL);
}

static void damage(const char *path)
{
	ck_assert(g_file_set_contents(path, "{}\n", -1, NULL));
}

/* A fresh change counts as ongoing and is looked at again; this one is over. */
static void make_old(const char *object)
{
	const struct timespec times[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *folder = g_path_get_dirname(object);

	ck_assert_int_eq(utimensat(AT_FDCWD, folder, times, 0), 0);
}

static void on_inode(void *data, guint64 ino)
{
	g_mutex_lock(&lock);
	overtaken = overtaken || g_atomic_int_get(&held);
	inodes++;
	g_cond_signal(&told);
	g_mutex_unlock(&lock);
}

static void on_entry(void *data, guint64 parent, const char *name)
{
	g_mutex_lock(&lock);
	overtaken = overtaken || g_atomic_int_get(&held);
	g_ptr_array_add(entries, g_strdup(name));
	g_cond_signal(&told);
	g_mutex_unlock(&lock);
}

static const VkWatchCalls calls = {.inode = on_inode, .entry = on_entry};

static void wait_for_entry(const char *name)
{
	gint64 deadline = g_get_monotonic_time() + PATIENCE;

	g_mutex_lock(&lock);
	while (!g_ptr_array_find_with_equal_func(entries, name, g_str_equal, NULL))
		ck_assert_msg(g_cond_wait_until(&told, &lock, deadline), "no word of %s", name);
	g_mutex_unlock(&lock);
}

static VkNode at(const VkTree *tree, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	VkNode node = {.ino = VK_INODE_ROOT};

	for (char **part = parts; *part; part++) {
		guint64 parent = node.ino;

		ck_assert_msg(vk_tree_lookup(tree, parent, *part, &node, NULL), "no %s", path);
	}
	return node;
}

static void expect_latest(VkWatch *watch, const char *expected)
{
	VkWatchUse *use = vk_watch_enter(watch);
	const VkTree *tree = vk_watch_tree(use);
	g_autofree char *target =
		vk_tree_read_link(tree, at(tree, "guests/guest/latest").ino, NULL);

	ck_assert_str_eq(target, expected);
	vk_watch_leave(use);
}

START_TEST(a_new_snapshot_appears_and_a_removed_one_goes)
{
	g_autofree char *first = take_snapshot(T1);
	g_autoptr(VkWatch) watch = vk_watch_new(vault, cache, once, NULL, NULL);
	g_autofree char *second = NULL;

	ck_assert_ptr_nonnull(watch);
	expect_latest(watch, T1);
	vk_watch_start(watch, &calls, 10);
	second = take_snapshot(T2);
	wait_for_entry(T2);
	expect_latest(watch, T2);
	ck_assert_int_eq(g_unlink(first), 0);
	wait_for_entry(T1);
	expect_latest(watch, T2);
	vk_watch_stop(watch);
	ck_assert_uint_gt(inodes, 0);
}
END_TEST

START_TEST(no_word_overtakes_an_answer_from_the_old_tree)
{
	g_autofree char *first = take_snapshot(T1);
	g_autoptr(VkWatch) watch = vk_watch_new(vault, cache, once, NULL, NULL);
	gint64 deadline = g_get_monotonic_time() + PATIENCE;
	g_autofree char *second = NULL;
	gboolean renewed = FALSE;
	VkWatchUse *old;

	vk_watch_start(watch, &calls, 10);
	old = vk_watch_enter(watch);
	g_atomic_int_set(&held, TRUE);
	second = take_snapshot(T2);
	while (!renewed) {
		VkWatchUse *use = vk_watch_enter(watch);

		renewed = use != old;
		vk_watch_leave(use);
		ck_assert_int_lt(g_get_monotonic_time(), deadline);
		g_thread_yield();
	}
	/* No word may come now; a false one would come at once. */
	g_mutex_lock(&lock);
	g_cond_wait_until(&told, &lock, g_get_monotonic_time() + G_USEC_PER_SEC / 20);
	g_mutex_unlock(&lock);
	/* Still whole, although it is not in force any more. */
	at(vk_watch_tree(old), "guests/guest/" T1);
	g_atomic_int_set(&held, FALSE);
	vk_watch_leave(old);
	wait_for_entry(T2);
	vk_watch_stop(watch);
	ck_assert(!overtaken);
}
END_TEST

START_TEST(a_damaged_newest_snapshot_is_not_the_latest)
{
	g_autofree char *first = take_snapshot(T1);
	g_autofree char *second = take_snapshot(T2);
	g_autoptr(VkWatch) watch = NULL;

	damage(second);
	watch = vk_watch_new(vault, cache, once, NULL, NULL);
	ck_assert_ptr_nonnull(watch);
	expect_latest(watch, T1);
}
END_TEST

START_TEST(damage_found_later_is_left_out)
{
	g_autofree char *first = take_snapshot(T1);
	g_autofree char *second = take_snapshot(T2);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkWatch) watch = NULL;
	VkWatchUse *use;
	guint64 ino;
	VkNode node;

	damage(first);
	make_old(first);
	watch = vk_watch_new(vault, cache, once, NULL, NULL);
	vk_watch_start(watch, &calls, 10);
	use = vk_watch_enter(watch);
	ino = at(vk_watch_tree(use), "guests/guest/" T1).ino;
	ck_assert(!vk_tree_lookup(vk_watch_tree(use), ino, "domain.xml", &node, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	vk_watch_leave_out(watch, vk_tree_snapshot(vk_watch_tree(use), ino), error);
	vk_watch_leave(use);
	wait_for_entry(T1);
	expect_latest(watch, T2);
	vk_watch_stop(watch);
}
END_TEST

static VkFile *open_disk(VkWatch *watch)
{
	VkWatchUse *use = vk_watch_enter(watch);
	const VkTree *tree = vk_watch_tree(use);
	VkFile *file = vk_tree_open(tree, at(tree, "guests/guest/" T1 "/vda.raw").ino, NULL);

	ck_assert_ptr_nonnull(file);
	vk_watch_leave(use);
	return file;
}

START_TEST(a_forgotten_snapshot_goes_and_its_open_files_stay)
{
	g_autofree char *first = take_snapshot(T1);
	g_autofree char *second = take_snapshot(T2);
	g_autoptr(VkWatch) watch = vk_watch_new(vault, cache, once, NULL, NULL);
	g_autoptr(VkFile) file = open_disk(watch);
	g_autoptr(VkSnapshotKey) key = vk_catalog_find_key(vault, UUID "@" T1, NULL);
	char bytes[2] = {0};
	gsize length;
	VkWatchUse *use;
	VkNode node;

	vk_watch_start(watch, &calls, 10);
	ck_assert(vk_catalog_forget(vault, key, NULL, NULL));
	wait_for_entry(T1);
	use = vk_watch_enter(watch);
	ck_assert(!vk_tree_lookup(vk_watch_tree(use), at(vk_watch_tree(use), "guests/guest").ino,
				  T1, &node, NULL));
	vk_watch_leave(use);
	ck_assert(vk_file_read(file, 65535, bytes, 2, &length, NULL));
	ck_assert(length == 2 && bytes[1] == 'x');
	vk_watch_stop(watch);
}
END_TEST

START_TEST(seeking_follows_lseek)
{
	const struct {
		guint64 from;
		gint64 data; /* -1: none */
		gint64 hole;
	} cases[] = {
		{0, 65536, 0},          {65535, 65536, 65535},
		{65536, 65536, 131072}, {131071, 131071, 131072},
		{131072, -1, 131072},   {197119, -1, 197119},
		{197120, -1, -1},       {G_MAXINT64, -1, -1},
	};
	g_autofree char *first = take_snapshot(T1);
	g_autoptr(VkWatch) watch = vk_watch_new(vault, cache, once, NULL, NULL);
	g_autoptr(VkFile) file = open_disk(watch);

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		guint64 place;
		gboolean found;

		ck_assert(vk_file_seek_data(file, cases[i].from, &found, &place, NULL));
		ck_assert_int_eq(found ? (gint64)place : -1, cases[i].data);
		ck_assert(vk_file_seek_hole(file, cases[i].from, &found, &place, NULL));
		ck_assert_int_eq(found ? (gint64)place : -1, cases[i].hole);
	}
}
END_TEST

START_TEST(reading_stops_at_the_end_only)
{
	g_autofree char *first = take_snapshot(T1);
	g_autoptr(VkWatch) watch = vk_watch_new(vault, cache, once, NULL, NULL);
	g_autoptr(VkFile) file = open_disk(watch);
	g_autofree char *bytes = g_malloc(1 << 20);
	gsize length;

	ck_assert(vk_file_read(file, 65535, bytes, 1 << 20, &length, NULL));
	ck_assert_uint_eq(length, 197120 - 65535);
	ck_assert(bytes[0] == 0 && bytes[1] == 'x' && bytes[65536] == 'x' && bytes[65537] == 0);
	ck_assert(vk_file_read(file, 197119, bytes, 2, &length, NULL));
	ck_assert_uint_eq(length, 1);
	ck_assert(vk_file_read(file, 197120, bytes, 2, &length, NULL));
	ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(a_warning_is_logged_once_and_not_for_ever)
{
	const char *keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};

	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		ck_assert_int_eq(vk_once_log_warning(once, keys[i], "first"), i < 10);
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		ck_assert(!vk_once_log_warning(once, keys[i], "second"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tcase = tcase_create("watch");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_new_snapshot_appears_and_a_removed_one_goes);
	tcase_add_test(tcase, no_word_overtakes_an_answer_from_the_old_tree);
	tcase_add_test(tcase, a_damaged_newest_snapshot_is_not_the_latest);
	tcase_add_test(tcase, damage_found_later_is_left_out);
	tcase_add_test(tcase, a_forgotten_snapshot_goes_and_its_open_files_stay);
	tcase_add_test(tcase, seeking_follows_lseek);
	tcase_add_test(tcase, reading_stops_at_the_end_only);
	tcase_add_test(tcase, a_warning_is_logged_once_and_not_for_ever);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
