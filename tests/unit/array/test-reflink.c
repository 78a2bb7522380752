/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clones beside an image, in a directory whose owner is not trusted. They are plain files here:
 * what only a file system with reflinks can do is the cases' business.
 */
#include "array-drivers.h"
#include "child.h"
#include "errors.h"
#include "image.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "reflink.h"
#include "reflink-priv.h"

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
	arrays = vk_arrays_new(settings, vk_log_warning, NULL);
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

/* ---- the way to the clones ---- */

START_TEST(link_of_another_is_not_followed)
{
	g_autofree char *open = g_build_filename(directory, "open", NULL);
	g_autofree char *link = g_build_filename(open, "vm", NULL);
	g_autofree char *through = g_build_filename(link, SNAPSHOT, "vda.0", NULL);
	g_autofree char *clone = path_of("vda.0");
	g_autoptr(json_t) copy = copy_of("raw");
	json_t *layer = json_array_get(json_object_get(copy, "layers"), 0);

	make_place();
	fill(clone, 'c');
	ck_assert_int_eq(g_mkdir(open, 0700), 0);
	ck_assert_int_eq(symlink(directory, link), 0);
	json_object_set_new(layer, "path", json_string(through));
	vk_image_free(vk_arrays_open_image(arrays, copy, &error));
	expect_ok(error == NULL);
	ck_assert_int_eq(chmod(open, 0777), 0);
	expect_fail(vk_arrays_open_image(arrays, copy, &error) != NULL, "is a symbolic link");
}
END_TEST

/* ---- removal ---- */

static gboolean remove_snapshot(void)
{
	g_autoptr(json_t) copy = copy_of("raw");
	g_autoptr(GPtrArray) snapshots = vk_arrays_snapshots_of(arrays, copy, &error);

	ck_assert_uint_eq(snapshots->len, 1);
	return vk_arrays_remove(arrays, g_ptr_array_index(snapshots, 0), &error);
}

static gboolean set_listed(gboolean listed)
{
	g_autoptr(json_t) copy = copy_of("raw");
	g_autoptr(GPtrArray) snapshots = vk_arrays_snapshots_of(arrays, copy, &error);

	return vk_arrays_set_listed(arrays, g_ptr_array_index(snapshots, 0), listed, &error);
}

START_TEST(removal_leaves_nothing)
{
	g_autofree char *clone = path_of("vda.0");

	make_place();
	fill(clone, 'c');
	expect_ok(remove_snapshot());
	ck_assert(!g_file_test(ours, G_FILE_TEST_EXISTS));
	expect_ok(remove_snapshot());
}
END_TEST

START_TEST(fifo_does_not_hold_up_a_removal)
{
	g_autofree char *clone = path_of("vda.0");
	g_autofree char *mark = path_of("unlisted");

	make_place();
	ck_assert_int_eq(mkfifo(clone, 0600), 0);
	ck_assert_int_eq(mkfifo(mark, 0600), 0);
	expect_fail(set_listed(FALSE), "cannot write");
	expect_ok(remove_snapshot());
	ck_assert(!g_file_test(ours, G_FILE_TEST_EXISTS));
}
END_TEST

/* Whoever may write to a directory on the way could have put anything there. */
START_TEST(what_others_may_change_is_not_removed)
{
	const char *const parts[] = {".virtkeep", ".virtkeep/v/g", SNAPSHOT};
	g_autofree char *clone = path_of("vda.0");

	make_place();
	fill(clone, 'c');
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *part = g_build_filename(directory, parts[i], NULL);

		ck_assert_int_eq(chmod(part, 0777), 0);
		expect_fail(remove_snapshot(), "only we can write to");
		expect_fail(set_listed(TRUE), "only we can write to");
		expect_fail(set_listed(FALSE), "only we can write to");
		ck_assert_int_eq(chmod(part, 0700), 0);
	}
	ck_assert(g_file_test(clone, G_FILE_TEST_EXISTS));
	expect_ok(remove_snapshot());
}
END_TEST

/* A link to OTHER comes in the place of the directory of clones. */
static void put_link(const char *other)
{
	ck_assert_int_eq(g_rename(ours, away), 0);
	ck_assert_int_eq(symlink(other, ours), 0);
}

/* Makes NAME in the test's directory. New string. */
static char *make_other(const char *name)
{
	char *path = g_build_filename(directory, "private", name, NULL);

	ck_assert_int_eq(g_mkdir_with_parents(path, 0700), 0);
	return path;
}

static int (*real_unlinkat)(int dirfd, const char *path, int flags);

static int swapping_unlinkat(int dirfd, const char *path, int flags)
{
	if (flags & AT_REMOVEDIR) {
		g_autofree char *other = g_build_filename(directory, "private", NULL);

		vk_io.unlinkat = real_unlinkat;
		put_link(other);
	}
	return real_unlinkat(dirfd, path, flags);
}

START_TEST(directories_of_others_are_not_removed)
{
	g_autofree char *other = make_other("v/g/1");

	make_place();
	real_unlinkat = vk_io.unlinkat;
	vk_io.unlinkat = swapping_unlinkat;
	expect_ok(remove_snapshot());
	vk_io.unlinkat = real_unlinkat;
	ck_assert(g_file_test(away, G_FILE_TEST_EXISTS));
	ck_assert(g_file_test(other, G_FILE_TEST_EXISTS));
}
END_TEST

/* ---- preparation ---- */

/* Prepares the clone of the file IMAGE and takes it back. FALSE: that disk was refused. */
static gboolean prepare(const char *image)
{
	g_autoptr(GPtrArray) disks = g_ptr_array_new();
	VkReflinkDisk where = {
		.layers = g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free)};
	char target[] = "vda";
	VkSetDisk disk = {.uuid = "g", .id = "1", .target = target, .disk = &where.base};
	VkArray *array = vk_reflink_driver.create(NULL, "reflink", NULL, NULL);
	VkSetPart *part;

	g_ptr_array_add(where.layers, vk_array_layer_new(image, "raw"));
	g_ptr_array_add(disks, &disk);
	part = vk_reflink_prepare(array, "vvvvvvvv", NULL, disks, &error);
	vk_reflink_leave(part, disk.uuid);
	vk_reflink_part_free(part);
	g_ptr_array_unref(where.layers);
	array->ops->free(array);
	if (!disk.trouble)
		return TRUE;
	g_propagate_error(&error, disk.trouble);
	return FALSE;
}

START_TEST(only_a_file_is_cloned)
{
	g_autofree char *image = g_build_filename(directory, "image", NULL);
	g_autofree char *other = g_build_filename(directory, "other", NULL);

	fill(other, 's');
	expect_ok(prepare(other));
	ck_assert_int_eq(mkfifo(image, 0600), 0);
	expect_fail(prepare(image), "is not a file any more");
	g_unlink(image);
	ck_assert_int_eq(chmod(directory, 0777), 0);
	ck_assert_int_eq(symlink(other, image), 0);
	expect_fail(prepare(image), "is a symbolic link");
	ck_assert(!g_file_test(ours, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(images_behind_links_of_others_are_not_taken)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autofree char *image = g_build_filename(directory, "image", NULL);

	g_ptr_array_add(layers, vk_array_layer_new(image, "raw"));
	ck_assert_int_eq(symlink("/etc/passwd", image), 0);
	ck_assert_int_eq(chmod(directory, 0777), 0);
	expect_fail(vk_arrays_probe(arrays, layers, &error) != NULL, "is a symbolic link");
}
END_TEST

static int (*real_mkdirat)(int dirfd, const char *path, mode_t mode);

static int swapping_mkdirat(int dirfd, const char *path, mode_t mode)
{
	if (g_file_test(ours, G_FILE_TEST_EXISTS)) {
		g_autofree char *other = g_build_filename(directory, "private", NULL);

		vk_io.mkdirat = real_mkdirat;
		put_link(other);
	}
	return real_mkdirat(dirfd, path, mode);
}

START_TEST(no_directory_is_made_elsewhere)
{
	g_autofree char *image = g_build_filename(directory, "image", NULL);
	g_autofree char *other = make_other(NULL);

	fill(image, 'c');
	real_mkdirat = vk_io.mkdirat;
	vk_io.mkdirat = swapping_mkdirat;
	prepare(image);
	vk_io.mkdirat = real_mkdirat;
	ck_assert(g_file_test(away, G_FILE_TEST_EXISTS));
	/* A directory that is not empty stays. */
	ck_assert_int_eq(g_rmdir(other), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reflink");
	TCase *tests = tcase_create("reflink");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 10);
	tcase_add_test(tests, clone_is_opened_once);
	tcase_add_test(tests, chain_is_opened_once);
	tcase_add_test(tests, chain_is_told_by_its_name);
	tcase_add_test(tests, link_of_another_is_not_followed);
	tcase_add_test(tests, removal_leaves_nothing);
	tcase_add_test(tests, fifo_does_not_hold_up_a_removal);
	tcase_add_test(tests, what_others_may_change_is_not_removed);
	tcase_add_test(tests, directories_of_others_are_not_removed);
	tcase_add_test(tests, only_a_file_is_cloned);
	tcase_add_test(tests, images_behind_links_of_others_are_not_taken);
	tcase_add_test(tests, no_directory_is_made_elsewhere);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
