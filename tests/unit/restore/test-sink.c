/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sinks and swaps: what is on disk after success, failure and a full file system. */
#include "errors.h"
#include "io.h"
#include "origin.h"
#include "sink-priv.h"
#include "swap.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIB   1024u
#define SIZE  (1024u * KIB)
#define BLOCK (64u * KIB)

static char *dir;
static VkIo real_io;
static guint calls_left; /* of pwrite or linkat, until they fail */
static char block[BLOCK];
static GError *error;

static char *path_in(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void setup(void)
{
	dir = g_dir_make_tmp("vk-sink-XXXXXX", NULL);
	ck_assert_ptr_nonnull(dir);
	real_io = vk_io;
	memset(block, 'x', sizeof(block));
}

/* Removes all files, and says how many there were. */
static guint empty_directory(void)
{
	GDir *entries = g_dir_open(dir, 0, NULL);
	const char *name;
	guint count = 0;

	while ((name = g_dir_read_name(entries))) {
		g_autofree char *path = path_in(name);

		ck_assert_int_eq(g_remove(path), 0);
		count++;
	}
	g_dir_close(entries);
	return count;
}

static void teardown(void)
{
	vk_io = real_io;
	g_clear_error(&error);
	empty_directory();
	g_rmdir(dir);
	g_clear_pointer(&dir, g_free);
}

static VkPlace place_at(char *path, const char *format)
{
	return (VkPlace){.kind = VK_PLACE_FILE,
			 .path = path,
			 .format = format,
			 .size = SIZE,
			 .mode = 04640, /* of which only the permissions are wanted */
			 .uid = (uid_t)-1,
			 .gid = (gid_t)-1};
}

static void assert_content(const char *path, const char *text)
{
	g_autofree char *content = NULL;

	ck_assert(g_file_get_contents(path, &content, NULL, NULL));
	ck_assert_str_eq(content, text);
}

START_TEST(raw_is_sparse_and_of_full_length)
{
	g_autofree char *path = path_in("disk");
	VkPlace place = place_at(path, "raw");
	g_autoptr(VkSink) sink = vk_sink_new(&place, &error);
	g_autofree char *content = NULL;
	gsize length;
	struct stat st;

	ck_assert_ptr_nonnull(sink);
	memset(block, 0, BLOCK / 2);
	ck_assert(sink->ops->write(sink, 2 * BLOCK, block, BLOCK, &error));
	ck_assert(sink->ops->finish(sink, &error));
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert(sink->ops->commit(sink, FALSE, &error));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, SIZE);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	/* Half of the block was zeros. */
	ck_assert_int_le(st.st_blocks * 512, BLOCK / 2 + 8 * KIB);
	ck_assert(g_file_get_contents(path, &content, &length, NULL));
	ck_assert(vk_io_is_zero(content, 2 * BLOCK + BLOCK / 2));
	ck_assert_mem_eq(content + 2 * BLOCK, block, BLOCK);
	ck_assert(vk_io_is_zero(content + 3 * BLOCK, SIZE - 3 * BLOCK));
}
END_TEST

/* What qemu-img reads out of the image at PATH, as raw. */
static char *read_back(char *path, gsize *length)
{
	g_autofree char *raw = path_in("raw");
	char *argv[] = {(char[]){"qemu-img"},
			(char[]){"convert"},
			(char[]){"-f"},
			(char[]){"qcow2"},
			(char[]){"-O"},
			(char[]){"raw"},
			path,
			raw,
			NULL};
	char *content;
	int status;

	ck_assert(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
			       &status, NULL));
	ck_assert_int_eq(status, 0);
	ck_assert(g_file_get_contents(raw, &content, length, NULL));
	return content;
}

START_TEST(qcow2_reads_back)
{
	g_autofree char *path = path_in("disk");
	VkPlace place = place_at(path, "qcow2");
	g_autoptr(VkSink) sink = vk_sink_new(&place, &error);
	g_autofree char *content = NULL;
	gsize length;
	struct stat st;

	ck_assert_msg(sink != NULL, "%s", error ? error->message : "");
	ck_assert(sink->ops->write(sink, 3 * BLOCK, block, BLOCK, &error));
	ck_assert_msg(sink->ops->finish(sink, &error), "%s", error ? error->message : "");
	ck_assert(sink->ops->commit(sink, FALSE, &error));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	content = read_back(path, &length);
	ck_assert_uint_eq(length, SIZE);
	ck_assert(vk_io_is_zero(content, 3 * BLOCK));
	ck_assert_mem_eq(content + 3 * BLOCK, block, BLOCK);
	ck_assert(vk_io_is_zero(content + 4 * BLOCK, SIZE - 4 * BLOCK));
}
END_TEST

START_TEST(qcow2_given_up_leaves_nothing)
{
	g_autofree char *path = path_in("disk");
	VkPlace place = place_at(path, "qcow2");
	VkSink *sink = vk_sink_new(&place, &error);

	ck_assert_ptr_nonnull(sink);
	vk_sink_free(sink);
	ck_assert_uint_eq(empty_directory(), 0);
}
END_TEST

static ssize_t full_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	if (calls_left-- > 0)
		return real_io.pwrite(fd, buf, length, offset);
	errno = ENOSPC;
	return -1;
}

START_TEST(a_full_file_system_leaves_nothing)
{
	g_autofree char *path = path_in("disk");
	VkPlace place = place_at(path, "raw");
	VkSink *sink = vk_sink_new(&place, &error);

	ck_assert_ptr_nonnull(sink);
	calls_left = 1;
	vk_io.pwrite = full_pwrite;
	ck_assert(sink->ops->write(sink, 0, block, BLOCK, &error));
	ck_assert(!sink->ops->write(sink, BLOCK, block, BLOCK, &error));
	ck_assert(strstr(error->message, path) != NULL);
	ck_assert(strstr(error->message, g_strerror(ENOSPC)) != NULL);
	vk_sink_free(sink);
	ck_assert_uint_eq(empty_directory(), 0);
}
END_TEST

START_TEST(a_file_that_appeared_meanwhile_stays)
{
	g_autofree char *path = path_in("disk");
	VkPlace place = place_at(path, "raw");
	VkSink *sink = vk_sink_new(&place, &error);

	ck_assert_ptr_nonnull(sink);
	ck_assert(sink->ops->finish(sink, &error));
	ck_assert(g_file_set_contents(path, "other", -1, NULL));
	ck_assert(!sink->ops->commit(sink, FALSE, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_EXISTS));
	vk_sink_free(sink);
	assert_content(path, "other");
	ck_assert_uint_eq(empty_directory(), 1);
}
END_TEST

START_TEST(a_stream_has_every_byte_in_order)
{
	int ends[2];
	g_autoptr(VkSink) sink = NULL;
	char got[16];

	ck_assert_int_eq(pipe(ends), 0);
	sink = vk_sink_stream_new(ends[1], "pipe");
	ck_assert(sink->in_order);
	ck_assert(sink->ops->write(sink, 0, "ab", 2, &error));
	ck_assert(sink->ops->zero(sink, 2, 2, &error));
	ck_assert(sink->ops->write(sink, 4, "c", 1, &error));
	ck_assert(sink->ops->finish(sink, &error));
	ck_assert_int_eq(read(ends[0], got, sizeof(got)), 5);
	ck_assert_mem_eq(got, "ab\0\0c", 5);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* Two items to be swapped in: "a", a disk, replaces a file, "b" is new unless B_EXISTS. */
typedef struct Pair {
	VkRestoreItem items[2];
	VkSwap *swap;
} Pair;

static void pair_init_keeping(Pair *pair, gboolean b_exists, const char *old_mark)
{
	static const char *const names[] = {"a", "b"};

	*pair = (Pair){.swap = vk_swap_new("20261122T201405Z", old_mark)};
	for (guint i = 0; i < 2; i++) {
		VkRestoreItem *item = &pair->items[i];
		VkSink *sink;

		item->place = place_at(path_in(names[i]), "raw");
		item->place.size = 3;
		item->exists = i == 0 || b_exists;
		item->is_disk = i == 0;
		if (item->exists)
			ck_assert(g_file_set_contents(item->place.path, "old", -1, NULL));
		sink = vk_sink_new(&item->place, &error);
		ck_assert_ptr_nonnull(sink);
		ck_assert(sink->ops->write(sink, 0, "new", 3, &error));
		ck_assert(sink->ops->finish(sink, &error));
		vk_swap_add(pair->swap, item, sink);
	}
}

static void pair_init(Pair *pair, gboolean b_exists)
{
	pair_init_keeping(pair, b_exists, NULL);
}

static void pair_clear(Pair *pair)
{
	g_free(pair->items[0].place.path);
	g_free(pair->items[1].place.path);
}

START_TEST(a_kept_swap_removes_the_old)
{
	Pair pair;

	pair_init(&pair, TRUE);
	ck_assert(vk_swap_commit(pair.swap, &error));
	ck_assert(vk_swap_keep(pair.swap, &error));
	vk_swap_free(pair.swap);
	assert_content(pair.items[0].place.path, "new");
	assert_content(pair.items[1].place.path, "new");
	ck_assert_uint_eq(empty_directory(), 2);
	pair_clear(&pair);
}
END_TEST

START_TEST(the_old_can_stay_beside)
{
	g_autofree char *old = path_in("a.old-1");
	Pair pair;

	pair_init_keeping(&pair, TRUE, ".old-1");
	ck_assert(vk_swap_commit(pair.swap, &error));
	ck_assert(vk_swap_keep(pair.swap, &error));
	vk_swap_free(pair.swap);
	assert_content(pair.items[0].place.path, "new");
	assert_content(old, "old");
	ck_assert_uint_eq(empty_directory(), 4);
	pair_clear(&pair);
}
END_TEST

/* And a copy of it, which another program made, is not one. */
START_TEST(an_image_notes_what_it_was_restored_from)
{
	g_autofree char *origin = NULL;
	g_autofree char *copy = path_in("copy");
	g_autofree char *of_copy = NULL;
	char *argv[] = {(char[]){"cp"}, (char[]){"-a"}, NULL, copy, NULL};
	Pair pair;

	pair_init(&pair, FALSE);
	ck_assert_ptr_null(vk_origin_get(pair.items[0].place.path));
	ck_assert(vk_swap_commit(pair.swap, &error));
	ck_assert(vk_swap_keep(pair.swap, &error));
	vk_swap_free(pair.swap);
	origin = vk_origin_get(pair.items[0].place.path);
	ck_assert_str_eq(origin, "20261122T201405Z");
	ck_assert_ptr_null(vk_origin_get(pair.items[1].place.path));
	argv[2] = pair.items[0].place.path;
	ck_assert(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
			       NULL));
	ck_assert_int_eq(access(copy, F_OK), 0);
	of_copy = vk_origin_get(copy);
	ck_assert_ptr_null(of_copy);
	pair_clear(&pair);
}
END_TEST

START_TEST(a_swap_that_is_not_kept_brings_the_old_back)
{
	Pair pair;

	pair_init(&pair, FALSE);
	ck_assert(vk_swap_commit(pair.swap, &error));
	assert_content(pair.items[0].place.path, "new");
	vk_swap_free(pair.swap);
	assert_content(pair.items[0].place.path, "old");
	ck_assert_uint_eq(empty_directory(), 1);
	pair_clear(&pair);
}
END_TEST

static int failing_rename(int olddir, const char *old, int newdir, const char *name, unsigned flags)
{
	if (calls_left-- > 0)
		return real_io.renameat2(olddir, old, newdir, name, flags);
	vk_io.renameat2 = real_io.renameat2;
	errno = EIO;
	return -1;
}

START_TEST(a_failed_rename_brings_all_back)
{
	/* The first file's rename fails, then the second's. */
	for (guint good = 0; good < 2; good++) {
		Pair pair;

		pair_init(&pair, TRUE);
		calls_left = good;
		vk_io.renameat2 = failing_rename;
		ck_assert(!vk_swap_commit(pair.swap, &error));
		g_clear_error(&error);
		vk_swap_free(pair.swap);
		assert_content(pair.items[0].place.path, "old");
		assert_content(pair.items[1].place.path, "old");
		ck_assert_uint_eq(empty_directory(), 2);
		pair_clear(&pair);
	}
}
END_TEST

static int no_links(int olddir, const char *old, int newdir, const char *name, int flags)
{
	errno = EPERM;
	return -1;
}

START_TEST(a_file_system_without_links_is_no_obstacle)
{
	Pair pair;

	pair_init(&pair, TRUE);
	vk_io.linkat = no_links;
	ck_assert(vk_swap_commit(pair.swap, &error));
	assert_content(pair.items[1].place.path, "new");
	vk_swap_free(pair.swap);
	assert_content(pair.items[0].place.path, "old");
	assert_content(pair.items[1].place.path, "old");
	ck_assert_uint_eq(empty_directory(), 2);
	pair_clear(&pair);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		raw_is_sparse_and_of_full_length,
		qcow2_reads_back,
		qcow2_given_up_leaves_nothing,
		a_full_file_system_leaves_nothing,
		a_file_that_appeared_meanwhile_stays,
		a_stream_has_every_byte_in_order,
		a_kept_swap_removes_the_old,
		a_swap_that_is_not_kept_brings_the_old_back,
		the_old_can_stay_beside,
		an_image_notes_what_it_was_restored_from,
		a_failed_rename_brings_all_back,
		a_file_system_without_links_is_no_obstacle,
	};
	Suite *suite = suite_create("sink");
	TCase *cases = tcase_create("sink");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		tcase_add_test(cases, tests[i]);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
