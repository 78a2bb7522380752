/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of parts of objects: damaged, of others, too many, on full disks, and shared. */
#include "window-files.h"

#include "io.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE   ((guint64)1 << 20)
#define LENGTH 4096u

static char *directory;
static VkWindowFiles *files;

static void setup(void)
{
	directory = temp_directory_new();
	files = vk_window_files_new(directory, "one", SIZE);
}

static void teardown(void)
{
	vk_window_files_free(files);
	temp_directory_remove(directory);
	g_free(directory);
}

static void put(VkWindowFiles *to, const char *object, const char *part)
{
	g_autofree char *text = g_strdup_printf("%s %s", object, part);
	guint8 bytes[LENGTH] = {0};
	g_autoptr(GBytes) whole = NULL;

	memcpy(bytes, text, strlen(text));
	whole = g_bytes_new(bytes, sizeof(bytes));
	vk_window_files_put(to, object, part, whole, 77);
}

/* Whether it is there; then it is what was put. */
static gboolean has(VkWindowFiles *in, const char *object, const char *part)
{
	g_autofree char *text = g_strdup_printf("%s %s", object, part);
	guint64 size = 0;
	g_autoptr(GBytes) bytes = vk_window_files_get(in, object, part, &size);

	if (!bytes)
		return FALSE;
	ck_assert_uint_eq(size, 77);
	ck_assert_uint_eq(g_bytes_get_size(bytes), LENGTH);
	ck_assert_str_eq(g_bytes_get_data(bytes, NULL), text);
	return TRUE;
}

static char *found[4096];
static guint n_found;
static guint64 bytes_found;

static int note(const char *path, const struct stat *facts, int type, struct FTW *position)
{
	if (type == FTW_F && n_found < G_N_ELEMENTS(found)) {
		found[n_found++] = g_strdup(path);
		bytes_found += (guint64)facts->st_size;
	}
	return 0;
}

static void find_files(void)
{
	while (n_found > 0)
		g_free(found[--n_found]);
	bytes_found = 0;
	nftw(directory, note, 16, FTW_PHYS);
}

static void flip(const char *path, gsize at)
{
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	bytes[at] ^= 1;
	ck_assert(g_file_set_contents_full(path, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE,
					   0600, NULL));
}

START_TEST(what_was_put_is_got)
{
	VkWindowFiles *later;

	ck_assert(!has(files, "packs/aa/one", "w0"));
	put(files, "packs/aa/one", "w0");
	put(files, "packs/aa/one", "tail");
	ck_assert(has(files, "packs/aa/one", "w0"));
	ck_assert(has(files, "packs/aa/one", "tail"));
	ck_assert(!has(files, "packs/aa/one", "w1"));
	ck_assert(!has(files, "packs/aa/two", "w0"));
	later = vk_window_files_new(directory, "one", SIZE);
	ck_assert(has(later, "packs/aa/one", "w0"));
	vk_window_files_drop(later, "packs/aa/one");
	ck_assert(!has(files, "packs/aa/one", "w0"));
	ck_assert(!has(files, "packs/aa/one", "tail"));
	vk_window_files_free(later);
}
END_TEST

START_TEST(there_may_be_none)
{
	put(NULL, "packs/aa/one", "w0");
	ck_assert(!has(NULL, "packs/aa/one", "w0"));
	vk_window_files_drop(NULL, "packs/aa/one");
}
END_TEST

/* Magic, checksum, length, size and bytes. */
START_TEST(a_damaged_file_is_not_got)
{
	static const gsize places[] = {0, 8, 12, 15, 16, 24, 24 + LENGTH - 1};

	for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
		put(files, "packs/aa/one", "w0");
		find_files();
		ck_assert_uint_eq(n_found, 1);
		flip(found[0], places[i]);
		ck_assert_msg(!has(files, "packs/aa/one", "w0"), "byte %zu", places[i]);
	}
	put(files, "packs/aa/one", "w0");
	find_files();
	for (off_t length = 0; length < 24 + LENGTH; length += 23) {
		put(files, "packs/aa/one", "w0");
		ck_assert_int_eq(truncate(found[0], length), 0);
		ck_assert(!has(files, "packs/aa/one", "w0"));
	}
}
END_TEST

/* By its name a file would fit. */
START_TEST(a_file_of_something_else_is_not_got)
{
	VkWindowFiles *other = vk_window_files_new(directory, "two", SIZE);
	g_autofree char *of_one = NULL;
	g_autofree char *renamed = NULL;

	put(files, "packs/aa/one", "w0");
	find_files();
	of_one = g_strdup(found[0]);
	ck_assert(!has(other, "packs/aa/one", "w0"));
	put(other, "packs/aa/one", "w0");
	find_files();
	ck_assert_uint_eq(n_found, 2);
	ck_assert_int_eq(rename(of_one, strcmp(found[0], of_one) == 0 ? found[1] : found[0]), 0);
	ck_assert(!has(other, "packs/aa/one", "w0"));
	put(files, "packs/aa/one", "w0");
	find_files();
	renamed = g_strconcat(found[0], "1", NULL);
	ck_assert_int_eq(rename(found[0], renamed), 0);
	ck_assert(!has(files, "packs/aa/one", "w01"));
	vk_window_files_free(other);
}
END_TEST

static void make_old(const char *path, gint64 seconds)
{
	const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
					  {.tv_sec = time(NULL) - seconds}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The eighth that goes at once is of those that nobody has read since. */
START_TEST(what_was_not_used_for_long_goes_first)
{
	const guint old = SIZE / LENGTH / 6;
	guint before = 0, left = 0;

	for (guint i = 0; i < old; i++) {
		g_autofree char *object = g_strdup_printf("packs/aa/old-%u", i);

		put(files, object, "w0");
	}
	find_files();
	for (guint i = 0; i < n_found; i++)
		make_old(found[i], 1000 + i);
	ck_assert(has(files, "packs/aa/old-0", "w0"));
	for (guint i = 0; i < 1000 && n_found >= before; i++) {
		g_autofree char *object = g_strdup_printf("packs/aa/%u", i);

		before = n_found;
		put(files, object, "w0");
		find_files();
		ck_assert_uint_le(bytes_found, SIZE);
	}
	ck_assert_uint_lt(n_found, before);
	ck_assert_uint_ge(bytes_found, SIZE / 4 * 3);
	for (guint i = 1; i < old; i++) {
		g_autofree char *object = g_strdup_printf("packs/aa/old-%u", i);

		left += has(files, object, "w0");
	}
	ck_assert_uint_lt(left, old - 10);
	ck_assert(has(files, "packs/aa/old-0", "w0"));
	ck_assert(has(files, "packs/aa/0", "w0"));
}
END_TEST

START_TEST(what_a_killed_process_left_goes)
{
	g_autofree char *folder = NULL;
	g_autofree char *old = NULL;
	g_autofree char *young = NULL;
	VkWindowFiles *later;

	put(files, "packs/aa/one", "w0");
	find_files();
	folder = g_path_get_dirname(found[0]);
	old = g_build_filename(folder, ".new-old", NULL);
	young = g_build_filename(folder, ".new-young", NULL);
	ck_assert(g_file_set_contents(old, "?", 1, NULL));
	ck_assert(g_file_set_contents(young, "?", 1, NULL));
	make_old(old, 7200);
	later = vk_window_files_new(directory, "one", SIZE);
	put(later, "packs/aa/two", "w0");
	ck_assert(!g_file_test(old, G_FILE_TEST_EXISTS));
	ck_assert(g_file_test(young, G_FILE_TEST_EXISTS));
	vk_window_files_free(later);
}
END_TEST

static guint writes_left;

static ssize_t failing_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	if (writes_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	writes_left--;
	return pwrite(fd, buf, MIN(length, 1000), offset);
}

/* What is there is got. */
START_TEST(a_full_disk_does_no_harm)
{
	for (guint writes = 0; writes < 6; writes++) {
		VkWindowFiles *here = vk_window_files_new(directory, "one", SIZE);

		put(here, "packs/aa/before", "w0");
		vk_io.pwrite = failing_pwrite;
		writes_left = writes;
		put(here, "packs/aa/one", "w0");
		vk_io.pwrite = pwrite;
		ck_assert_int_eq(has(here, "packs/aa/one", "w0"), writes >= 6);
		ck_assert(has(here, "packs/aa/before", "w0"));
		find_files();
		ck_assert_uint_eq(n_found, 1);
		vk_window_files_free(here);
	}
}
END_TEST

START_TEST(a_directory_that_others_may_write_is_not_used)
{
	g_autofree char *top = g_build_filename(directory, "windows", NULL);

	ck_assert_int_eq(mkdir(top, 0700), 0);
	ck_assert_int_eq(chmod(top, 0777), 0);
	put(files, "packs/aa/one", "w0");
	ck_assert(!has(files, "packs/aa/one", "w0"));
	find_files();
	ck_assert_uint_eq(n_found, 0);
}
END_TEST

START_TEST(nobody_else_may_read_it)
{
	struct stat facts;

	umask(0);
	put(files, "packs/aa/one", "w0");
	find_files();
	ck_assert_int_eq(stat(found[0], &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 0777, 0600);
}
END_TEST

/* They put, get and drop the same parts, and remove each other's oldest. */
START_TEST(processes_share_it)
{
	pid_t children[4];

	for (guint i = 0; i < G_N_ELEMENTS(children); i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		for (guint k = 0; k < 1000; k++) {
			g_autofree char *object =
				g_strdup_printf("packs/aa/%u", g_random_int_range(0, 400));

			if (!has(files, object, "w0"))
				put(files, object, "w0");
			if (k % 100 == 99)
				vk_window_files_drop(files, object);
		}
		_exit(0);
	}
	for (guint i = 0; i < G_N_ELEMENTS(children); i++) {
		int status;

		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	find_files();
	ck_assert_uint_gt(n_found, 0);
	ck_assert_uint_le(bytes_found, SIZE + G_N_ELEMENTS(children) * SIZE / 16);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window-files");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_was_put_is_got);
	tcase_add_test(tcase, there_may_be_none);
	tcase_add_test(tcase, a_damaged_file_is_not_got);
	tcase_add_test(tcase, a_file_of_something_else_is_not_got);
	tcase_add_test(tcase, what_was_not_used_for_long_goes_first);
	tcase_add_test(tcase, what_a_killed_process_left_goes);
	tcase_add_test(tcase, a_full_disk_does_no_harm);
	tcase_add_test(tcase, a_directory_that_others_may_write_is_not_used);
	tcase_add_test(tcase, nobody_else_may_read_it);
	tcase_add_test(tcase, processes_share_it);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
