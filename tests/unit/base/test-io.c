/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io.h"

#include "errors.h"
#include "new-file.h"
#include "safe-path.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
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

	ck_assert(!vk_new_file_is_leftover(folder, name));
	ck_assert(!vk_new_file_remove_leftover(folder, name, &error));
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
	ck_assert(vk_new_file_is_leftover(folder, left));
	ck_assert(vk_new_file_remove_leftover(folder, left, NULL));
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
	ck_assert_int_eq(error->code, _i == 0 ? VK_ERROR_FAILED : VK_ERROR_FULL);
	ck_assert_int_eq(vk_exit_status(error), 1);
	ck_assert_str_eq(vk_error_word(error), _i == 0 ? "failed" : "full");
	ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
	check_content(NULL);
}
END_TEST

static int fail_fsync_of_directories(int fd)
{
	struct stat facts;

	if (fstat(fd, &facts) < 0 || !S_ISDIR(facts.st_mode))
		return real_io.fsync(fd);
	errno = EIO;
	return -1;
}

/* By then it has its name. */
START_TEST(a_directory_that_is_not_flushed_has_no_new_file)
{
	vk_io.fsync = fail_fsync_of_directories;
	ck_assert(!write_file("one", FALSE, NULL));
	check_content(NULL);
	vk_io.fsync = real_io.fsync;
	ck_assert(write_file("one", FALSE, NULL));
	vk_io.fsync = fail_fsync_of_directories;
	ck_assert(!write_file("two", FALSE, NULL));
	check_content("one");
}
END_TEST

static int open_lock;

static int nfs_openat(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd = real_io.openat(dirfd, name, flags, mode);

	if (strcmp(name, "lock") == 0)
		open_lock = fd;
	return fd;
}

static int nfs_close(int fd)
{
	if (fd == open_lock)
		open_lock = -1;
	return real_io.close(fd);
}

/* A removed file that is open still keeps its directory. */
static int nfs_unlinkat(int dirfd, const char *name, int flags)
{
	if (flags != AT_REMOVEDIR || open_lock < 0)
		return real_io.unlinkat(dirfd, name, flags);
	errno = ENOTEMPTY;
	return -1;
}

/* The fixture sees that no directory is left. */
START_TEST(nothing_is_left_on_nfs)
{
	VkNewFile *file;
	g_autofree char *name = NULL;
	pid_t child = -1;

	open_lock = -1;
	vk_io.openat = nfs_openat;
	vk_io.close = nfs_close;
	vk_io.unlinkat = nfs_unlinkat;
	if (_i == 0) {
		ck_assert(write_file("one", FALSE, NULL));
	} else if (_i == 1) {
		file = vk_new_file_create(path, 0600, NULL);
		vk_new_file_free(file);
	} else {
		child = fork();
		if (child == 0) {
			vk_new_file_create(path, 0600, NULL);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		name = temporary_name();
		ck_assert(vk_new_file_remove_leftover(folder, name, NULL));
	}
}
END_TEST

/* Somebody else made it in the directory just made. */
static int other_lock_openat(int dirfd, const char *name, int flags, mode_t mode)
{
	if (strcmp(name, "lock") == 0) {
		int fd = real_io.openat(dirfd, name, flags, mode);

		close(fd);
		vk_io.openat = real_io.openat;
	}
	return real_io.openat(dirfd, name, flags, mode);
}

START_TEST(the_lock_of_another_stays)
{
	g_autofree char *name = NULL;
	g_autofree char *lock = NULL;
	g_autofree char *directory = NULL;

	vk_io.openat = other_lock_openat;
	ck_assert(write_file("one", FALSE, NULL));
	ck_assert_int_eq(g_unlink(path), 0);
	name = temporary_name();
	directory = g_build_filename(folder, name, NULL);
	lock = g_build_filename(directory, "lock", NULL);
	ck_assert_int_eq(g_unlink(lock), 0);
	ck_assert_int_eq(g_rmdir(directory), 0);
}
END_TEST

START_TEST(only_our_names_are_of_replaced_files)
{
	g_autofree char *name = vk_new_file_replaced_name("file", "20260101T000000Z");

	ck_assert_str_eq(name, "file.virtkeep-old-20260101T000000Z");
	ck_assert(vk_new_file_is_replaced(name, "file"));
	ck_assert(!vk_new_file_is_replaced(name, "other"));
	ck_assert(!vk_new_file_is_replaced("file.virtkeep-old-", "file"));
	ck_assert(!vk_new_file_is_replaced("file.virtkeep-old-'; x", "file"));
	ck_assert(!vk_new_file_is_replaced("file.virtkeep-old-20260101T000000Z'; x", "file"));
}
END_TEST

/* To open a terminal or a watchdog has effects; a FIFO blocks. */
START_TEST(only_what_stores_is_opened)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *link = g_build_filename(folder, "link", NULL);
	VK_AUTOFD fd = -1;

	ck_assert(write_file("one", FALSE, NULL));
	ck_assert_int_eq(symlink("file", link), 0);
	fd = vk_io_open_storage(link, O_RDONLY, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(g_unlink(link), 0);
	ck_assert_int_eq(symlink("/dev/null", link), 0);
	ck_assert_int_lt(vk_io_open_storage(link, O_RDONLY, &error), 0);
	ck_assert_int_eq(error->code, VK_ERROR_FAILED);
	ck_assert_int_eq(g_unlink(link), 0);
	ck_assert_int_eq(mkfifo(link, 0600), 0);
	ck_assert_int_lt(vk_io_open_storage(link, O_RDONLY, NULL), 0);
	ck_assert_int_eq(g_unlink(link), 0);
}
END_TEST

static int replacing_openat(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd = real_io.openat(dirfd, name, flags, mode);

	if (g_str_has_prefix(name, "/proc/self/fd/")) {
		g_autofree char *other = g_strconcat(path, ".other", NULL);

		vk_io.openat = real_io.openat;
		ck_assert(g_file_set_contents(other, "two", 3, NULL));
		ck_assert_int_eq(g_rename(other, path), 0);
	}
	return fd;
}

/* By the time its name is asked for it has none. */
START_TEST(a_replaced_file_has_its_path_still)
{
	g_autofree char *resolved = NULL;

	ck_assert(write_file("one", FALSE, NULL));
	vk_io.openat = replacing_openat;
	resolved = vk_safe_path(path, NULL);
	ck_assert_str_eq(resolved, path);
	check_content("two");
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

/* Nobody would ever write into it. */
START_TEST(a_pipe_is_no_file_to_be_read)
{
	g_autofree char *link = g_build_filename(folder, "link", NULL);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize length = 0;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(symlink(path, link), 0);
	ck_assert(!vk_io_read_whole(link, 8, &text, &length, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	ck_assert_ptr_nonnull(strstr(error->message, link));
	ck_assert_ptr_null(text);
	g_unlink(path);
	ck_assert(g_file_set_contents(path, "1234567", -1, NULL));
	ck_assert(vk_io_read_whole(link, 8, &text, &length, NULL));
	ck_assert_str_eq(text, "1234567");
	ck_assert_uint_eq(length, 7);
	ck_assert(!vk_io_read_whole(link, 7, &text, &length, NULL));
	g_clear_pointer(&text, g_free);
	ck_assert(vk_io_read_whole("/dev/null", 8, &text, &length, NULL));
	ck_assert_str_eq(text, "");
	g_unlink(link);
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
	tcase_add_test(cases, a_directory_that_is_not_flushed_has_no_new_file);
	tcase_add_loop_test(cases, nothing_is_left_on_nfs, 0, 3);
	tcase_add_test(cases, the_lock_of_another_stays);
	tcase_add_test(cases, only_our_names_are_of_replaced_files);
	tcase_add_test(cases, only_what_stores_is_opened);
	tcase_add_test(cases, a_replaced_file_has_its_path_still);
	tcase_add_test(cases, short_and_interrupted_calls_go_on);
	tcase_add_test(cases, opening_names_the_path);
	tcase_add_test(cases, a_pipe_is_no_file_to_be_read);
	tcase_add_test(cases, zeros_are_seen);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
