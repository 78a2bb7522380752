/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clones beside an image, in a directory whose owner is not trusted. They are plain files here: what
 * only a file system with reflinks can do is the cases' business.
 */
#include "array.h"
#include "child.h"
#include "errors.h"
#include "image.h"
#include "io.h"
#include "json.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE     65536
#define SNAPSHOT ".virtkeep/v/g/1"

static char *directory, *ours, *away;
static VkSettings *settings;
static VkArrays *arrays;
static GError *error;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	ours = g_build_filename(directory, ".virtkeep", NULL);
	away = g_build_filename(directory, "away", NULL);
	settings = vk_settings_parse("", 0, "test", NULL);
	arrays = vk_arrays_new(settings, NULL);
	ck_assert_ptr_nonnull(arrays);
}

static void tear_down(void)
{
	const char *argv[] = {"rm", "-rf", directory, NULL};

	g_free(vk_child_run(argv, 10, NULL));
	vk_arrays_free(arrays);
	vk_settings_free(settings);
	g_free(directory);
	g_free(ours);
	g_free(away);
	g_clear_error(&error);
}

static void expect_ok(gboolean ok)
{
	ck_assert_msg(ok, "%s", error ? error->message : "no error");
}

static void expect_fail(gboolean ok, const char *text)
{
	ck_assert(!ok);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
	g_clear_error(&error);
}

static char *path_of(const char *name)
{
	return g_build_filename(directory, SNAPSHOT, name, NULL);
}

static void make_place(void)
{
	g_autofree char *place = path_of(NULL);

	ck_assert_int_eq(g_mkdir_with_parents(place, 0700), 0);
}

/* A raw file full of LETTER. */
static void fill(const char *path, char letter)
{
	g_autofree char *bytes = g_malloc(SIZE);

	memset(bytes, letter, SIZE);
	ck_assert(g_file_set_contents(path, bytes, SIZE, NULL));
}

/* The same as an image of FORMAT. */
static void make_image(const char *path, const char *format, char letter)
{
	g_autofree char *raw = g_build_filename(directory, "raw", NULL);
	const char *argv[] = {"qemu-img", "convert", "-f", "raw", "-O", format, raw, path, NULL};

	fill(raw, letter);
	g_free(vk_child_run(argv, 60, &error));
	ck_assert_msg(!error, "%s", error ? error->message : "");
	g_unlink(raw);
}

static json_t *copy_of(const char *format)
{
	g_autofree char *path = path_of("vda.0");

	return json_pack("{s:s, s:[{s:s, s:s, s:s, s:i, s:i, s:i, s:i}]}", "array", "reflink",
			 "layers", "path", path, "format", format, "of", "/images/a.raw", "inode",
			 7, "size", SIZE, "mtime_ns", 9, "allocated", SIZE);
}

/* Until then the name is that of the clone, and from then on that of another file. */
static int (*real_openat)(int dirfd, const char *path, int flags, mode_t mode);

static int swapping_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = real_openat(dirfd, path, flags, mode);
	g_autofree char *clone = path_of("vda.0");
	g_autofree char *other = g_build_filename(directory, "other", NULL);

	if (fd < 0 || strcmp(path, "vda.0") != 0)
		return fd;
	vk_io.openat = real_openat;
	ck_assert_int_eq(g_rename(ours, away), 0);
	make_place();
	ck_assert_int_eq(symlink(other, clone), 0);
	return fd;
}

/* The clone, of FORMAT and full of 'c', becomes a link to one full of 's' once it is open. */
static VkImage *open_and_swap(const char *format)
{
	g_autofree char *clone = path_of("vda.0");
	g_autofree char *other = g_build_filename(directory, "other", NULL);
	g_autoptr(json_t) copy = copy_of(format);
	VkImage *image;

	make_place();
	make_image(clone, format, 'c');
	make_image(other, format, 's');
	real_openat = vk_io.openat;
	vk_io.openat = swapping_openat;
	image = vk_arrays_open_image(arrays, copy, &error);
	vk_io.openat = real_openat;
	ck_assert_msg(g_file_test(away, G_FILE_TEST_EXISTS), "nothing was swapped");
	return image;
}

static void expect_letter(VkImage *image, char letter)
{
	char byte;

	expect_ok(vk_image_read(image, SIZE / 2, &byte, 1, &error));
	ck_assert_int_eq(byte, letter);
}

START_TEST(clone_is_opened_once)
{
	g_autoptr(VkImage) image = open_and_swap("raw");
	char byte;

	expect_ok(image != NULL);
	expect_letter(image, 'c');
	ck_assert_int_eq(pread(image->fd, &byte, 1, SIZE / 2), 1);
	ck_assert_int_eq(byte, 'c');
}
END_TEST

START_TEST(chain_is_opened_once)
{
	g_autoptr(VkImage) image = open_and_swap("qcow2");

	expect_ok(image != NULL);
	expect_letter(image, 'c');
	ck_assert_int_eq(image->fd, -1);
}
END_TEST

START_TEST(chain_is_told_by_its_name)
{
	g_autofree char *clone = path_of("vda.0");
	g_autoptr(json_t) copy = copy_of("qcow2");

	make_place();
	fill(clone, 'c');
	expect_fail(vk_arrays_open_image(arrays, copy, &error) != NULL, clone);
	expect_fail(vk_arrays_open_image(arrays, copy, &error) != NULL, "not in qcow2 format");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reflink");
	TCase *tests = tcase_create("reflink");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, clone_is_opened_once);
	tcase_add_test(tests, chain_is_opened_once);
	tcase_add_test(tests, chain_is_told_by_its_name);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
