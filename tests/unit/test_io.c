/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io.h"

#include "errors.h"
#include "newfile.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder, *path;
static VkIo real_io;

static void setup(void)
{
	folder = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
	path = g_build_filename(folder, "file", NULL);
	real_io = vk_io;
}

static void teardown(void)
{
	vk_io = real_io;
	g_unlink(path);
	ck_assert_msg(g_rmdir(folder) == 0, "something was left in '%s'", folder);
	g_free(path);
	g_free(folder);
}

static void check_content(const char *expected)
{
	g_autofree char *text = NULL;

	if (!expected) {
		ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
		return;
	}
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	ck_assert_str_eq(text, expected);
}

static gboolean write_file(const char *text, gboolean replace, GError **error)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(path, 0600, error);

	return file && vk_io_write(vk_new_file_fd(file), path, 0, text, strlen(text), error) &&
	       vk_new_file_commit(file, replace, error);
}

START_TEST(file_appears_by_the_commit)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkNewFile) file = vk_new_file_create(path, 0600, NULL);

	ck_assert(g_file_test(vk_new_file_temporary_path(file), G_FILE_TEST_EXISTS));
	check_content(NULL);
	g_clear_pointer(&file, vk_new_file_free);
	ck_assert(write_file("one", FALSE, NULL));
	check_content("one");
	ck_assert(!write_file("two", FALSE, &error));
	ck_assert_int_eq(error->code, VK_ERROR_EXISTS);
	check_content("one");
	ck_assert(write_file("three", TRUE, NULL));
	check_content("three");
}
END_TEST

/* The name of the one temporary directory beside the file. */
static char *temporary_name(void)
{
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *name = g_dir_read_name(dir);
	char *copy = g_strdup(name);

	ck_assert(name && vk_new_file_is_temporary(name, "file"));
	ck_assert(!vk_new_file_is_temporary(name, "other"));
	g_dir_close(dir);
	return copy;
}

/* Filled and flushed, it is in use until it has its name. */
START_TEST(only_what_a_killed_process_left_is_removed)
{
	g_autoptr(GError) error = NULL;
	VkNewFile *file = vk_new_file_create(path, 0600, NULL);
	g_autofree char *name = temporary_name();
	g_autofree char *left = NULL;
	pid_t child;

	ck_assert(!vk_new_file_is_left(folder, name));
	ck_assert(!vk_new_file_remove_left(folder, name, &error));
	ck_assert_int_eq(error->code, VK_ERROR_BUSY);
	ck_assert(vk_new_file_commit(file, FALSE, NULL));
	vk_new_file_free(file);
	check_content("");
	ck_assert_int_eq(g_unlink(path), 0);

	child = fork();
	if (child == 0) {
		vk_new_file_create(path, 0600, NULL);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	left = temporary_name();
	ck_assert(vk_new_file_is_left(folder, left));
	ck_assert(vk_new_file_remove_left(folder, left, NULL));
}
END_TEST

/* Nobody but us may look into where it is written. */
START_TEST(the_temporary_directory_is_private)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(path, 0644, NULL);
	g_autofree char *name = temporary_name();
	g_autofree char *directory = g_build_filename(folder, name, NULL);
	struct stat facts;

	ck_assert_int_eq(stat(directory, &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 07777, 0700);
	ck_assert_int_eq(fstat(vk_new_file_fd(file), &facts), 0);
	ck_assert_uint_eq(facts.st_mode & 07777, 0644);
}
END_TEST

static int no_rename_flags(int olddir, const char *old, int newdir, const char *name,
			   unsigned flags)
{
	if (flags) {
		errno = EINVAL;
		return -1;
	}
	return real_io.renameat2(olddir, old, newdir, name, flags);
}

START_TEST(file_systems_without_noreplace_get_a_link)
{
	g_autoptr(GError) error = NULL;

	vk_io.renameat2 = no_rename_flags;
	ck_assert(write_file("one", FALSE, NULL));
	check_content("one");
	ck_assert(!write_file("two", FALSE, &error));
	ck_assert_int_eq(error->code, VK_ERROR_EXISTS);
	check_content("one");
}
END_TEST

static int fail_fsync(int fd)
{
	errno = EIO;
	return -1;
}

static ssize_t fail_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	errno = ENOSPC;
	return -1;
}

static int fail_close(int fd)
{
	real_io.close(fd);
	errno = EDQUOT;
	return -1;
}

/* The fixture sees that nothing is left. */
START_TEST(failures_leave_nothing_behind)
{
	g_autoptr(GError) error = NULL;

	if (_i == 0)
		vk_io.fsync = fail_fsync;
	else if (_i == 1)
		vk_io.pwrite = fail_pwrite;
	else
		vk_io.close = fail_close;
	ck_assert(!write_file("one", FALSE, &error));
	ck_assert_int_eq(error->code, VK_ERROR_FAILED);
	ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
	check_content(NULL);
}
END_TEST

static guint interruptions;

static ssize_t short_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	if (interruptions++ % 2) {
		errno = EINTR;
		return -1;
	}
	return real_io.pwrite(fd, buf, MIN(length, 3), offset);
}

static ssize_t short_pread(int fd, void *buf, size_t length, off_t offset)
{
	if (interruptions++ % 2) {
		errno = EINTR;
		return -1;
	}
	return real_io.pread(fd, buf, MIN(length, 3), offset);
}

START_TEST(short_and_interrupted_calls_go_on)
{
	char buf[32];
	gsize length;

	vk_io.pwrite = short_pwrite;
	vk_io.pread = short_pread;
	ck_assert(write_file("0123456789", FALSE, NULL));
	check_content("0123456789");
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, path, O_RDONLY, 0, NULL);
	ck_assert(vk_io_read(fd, path, 1, buf, sizeof(buf), &length, NULL));
	ck_assert_uint_eq(length, 9);
	ck_assert_mem_eq(buf, "123456789", 9);
}
END_TEST

START_TEST(opening_names_the_path)
{
	g_autoptr(GError) error = NULL;

	ck_assert_int_eq(vk_io_open(AT_FDCWD, path, O_RDONLY, 0, &error), -1);
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(error->message, path));
}
END_TEST

START_TEST(zeros_are_seen)
{
	char buf[100] = {0};

	ck_assert(vk_io_is_zero(buf, 0));
	ck_assert(vk_io_is_zero(buf, sizeof(buf)));
	for (gsize i = 0; i < sizeof(buf); i++) {
		buf[i] = 1;
		ck_assert(!vk_io_is_zero(buf, sizeof(buf)));
		ck_assert(vk_io_is_zero(buf, i));
		buf[i] = 0;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("io");
	TCase *cases = tcase_create("io");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, file_appears_by_the_commit);
	tcase_add_test(cases, only_what_a_killed_process_left_is_removed);
	tcase_add_test(cases, the_temporary_directory_is_private);
	tcase_add_test(cases, file_systems_without_noreplace_get_a_link);
	tcase_add_loop_test(cases, failures_leave_nothing_behind, 0, 3);
	tcase_add_test(cases, short_and_interrupted_calls_go_on);
	tcase_add_test(cases, opening_names_the_path);
	tcase_add_test(cases, zeros_are_seen);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
