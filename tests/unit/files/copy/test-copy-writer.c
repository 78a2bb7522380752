/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of what a guest has, good and hostile, below a directory of the host. */
#include "copy-writer.h"

#include "copy-bed.h"
#include "errors.h"
#include "io.h"
#include "log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static VkCopyWriter *writer;

static void begin(gboolean overwrite)
{
	const VkCopyOptions options = {.overwrite = overwrite};
	const VkCopySum sum = {0};

	writer = vk_copy_writer_new(bed_directory, &options, NULL);
	ck_assert_ptr_nonnull(writer);
	bed_calls = vk_copy_writer_calls(writer);
	ck_assert(vk_copy_writer_begin(writer, "top", &sum, NULL));
}

static void set_up(void)
{
	bed_make_directories();
}

static void tear_down(void)
{
	g_clear_pointer(&writer, vk_copy_writer_free);
	bed_remove_directories();
}

static const VkCopyCount *end(void)
{
	ck_assert(vk_copy_writer_end(writer, NULL));
	return vk_copy_writer_count(writer);
}

START_TEST(a_tree_is_copied)
{
	const VkCopyCount *count;
	struct stat st;

	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("sub", S_IFDIR | 0555, 0);
	bed_entry("sub/file", S_IFREG | 0644, 5);
	bed_bytes(0, "hello");
	ck_assert(bed_give("sub/link", S_IFLNK | 0777, 0, "../x", NULL));
	bed_entry("sub/fifo", S_IFIFO | 0644, 0);
	bed_entry("zero", S_IFREG | 0600, 0);
	count = end();
	bed_check_content("top/sub/file", "hello", 5);
	ck_assert_uint_eq(count->files, 2);
	ck_assert_uint_eq(count->directories, 2);
	ck_assert_uint_eq(count->links, 1);
	ck_assert_uint_eq(count->skipped, 1);
	ck_assert_uint_eq(count->failed, 0);
	st = bed_look("top/sub");
	ck_assert_uint_eq(st.st_mode & 07777, 0555);
	ck_assert_int_eq(st.st_mtime, BED_TIME);
	st = bed_look("top/sub/file");
	ck_assert_int_eq(st.st_mtime, BED_TIME);
	st = bed_look("top/zero");
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	st = bed_look("top/sub/link");
	ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(no_bits_that_give_rights)
{
	begin(FALSE);
	bed_entry("", S_IFREG | 06777, 0);
	end();
	ck_assert_uint_eq(bed_look("top").st_mode & 07777, 0755);
	ck_assert_uint_eq(bed_look("top").st_uid, geteuid());
}
END_TEST

START_TEST(holes_stay_holes)
{
	begin(FALSE);
	bed_entry("", S_IFREG | 0644, 64 << 20);
	bed_bytes((64 << 20) - 3, "end");
	end();
	ck_assert_int_eq(bed_look("top").st_size, 64 << 20);
	ck_assert_int_lt(bed_look("top").st_blocks, 2048);
}
END_TEST

/* The guest names a link and then something below it. */
START_TEST(links_of_the_guest_are_not_followed)
{
	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	ck_assert(bed_give("link", S_IFLNK | 0777, 0, bed_outside, NULL));
	bed_entry("link/file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	bed_entry("link", S_IFDIR | 0755, 0);
	bed_entry("link/file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	ck_assert_uint_eq(end()->failed, 3);
	ck_assert_uint_eq(bed_entries_of(bed_outside), 0);
}
END_TEST

START_TEST(links_of_the_host_are_not_followed)
{
	g_autofree char *link = bed_place("top");

	ck_assert_int_eq(symlink(bed_outside, link), 0);
	begin(TRUE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	ck_assert_uint_eq(end()->failed, 2);
	ck_assert_uint_eq(bed_entries_of(bed_outside), 0);
}
END_TEST

START_TEST(what_exists_stays_unless_overwritten)
{
	g_autofree char *path = bed_place("top");

	ck_assert(g_file_set_contents(path, "old", -1, NULL));
	begin(_i);
	bed_entry("", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	ck_assert_uint_eq(end()->failed, _i ? 0 : 1);
	bed_check_content("top", _i ? "new" : "old", 3);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
}
END_TEST

START_TEST(a_file_with_a_gap_does_not_appear)
{
	begin(FALSE);
	bed_entry("", S_IFREG | 0644, 6);
	bed_bytes(0, "abc");
	bed_calls.unread(bed_calls.data, "");
	ck_assert_uint_eq(end()->files, 0);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

START_TEST(a_file_before_an_unread_one_stays)
{
	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("a", S_IFREG | 0644, 3);
	bed_bytes(0, "abc");
	bed_calls.unread(bed_calls.data, "b");
	ck_assert_uint_eq(end()->files, 1);
	bed_check_content("top/a", "abc", 3);
}
END_TEST

static int write_errno;

static ssize_t failing_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	errno = write_errno;
	return -1;
}

/* A file that is too large here costs itself, a full disk ends the copy. */
START_TEST(trouble_of_one_file_is_its_own)
{
	static const int numbers[] = {EFBIG, ENOSPC};
	const VkIo kept = vk_io;
	gboolean ok;

	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("a", S_IFREG | 0644, 3);
	write_errno = numbers[_i];
	vk_io.pwrite = failing_pwrite;
	ok = bed_calls.bytes(bed_calls.data, 0, (const guint8 *)"abc", 3, NULL);
	vk_io = kept;
	ck_assert(ok == (_i == 0));
	bed_entry("b", S_IFREG | 0644, 3);
	bed_bytes(0, "def");
	ck_assert_uint_eq(end()->failed, _i == 0);
	bed_check_content("top/b", "def", 3);
}
END_TEST

START_TEST(a_name_that_is_too_long_costs_its_entry)
{
	g_autofree char *name = g_strnfill(300, 'x');

	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry(name, S_IFREG | 0644, 0);
	bed_entry("b", S_IFREG | 0644, 0);
	ck_assert_uint_eq(end()->failed, 1);
	bed_check_content("top/b", "", 0);
}
END_TEST

/* No Linux takes a name of more than 255 bytes. */
START_TEST(a_refused_attribute_costs_no_file)
{
	g_autofree char *tail = g_strnfill(300, 'x');
	g_autofree char *name = g_strconcat("user.", tail, NULL);

	begin(FALSE);
	bed_entry("", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	ck_assert(bed_calls.attribute(bed_calls.data, name, (const guint8 *)"v", 1, NULL));
	ck_assert_uint_eq(end()->refused, 1);
	ck_assert_uint_eq(end()->failed, 0);
	bed_check_content("top", "x", 1);
}
END_TEST

static gboolean has_attributes = TRUE; /* the file system of the copies */

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	if (has_attributes)
		return (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
	errno = EOPNOTSUPP;
	return -1;
}

static guint warnings;

static void count_warning(gboolean is_error, const char *text)
{
	warnings++;
}

static void copy_with_attributes(gboolean archive)
{
	const VkCopyOptions options = {.archive = archive};
	const VkCopySum sum = {0};

	writer = vk_copy_writer_new(bed_directory, &options, NULL);
	bed_calls = vk_copy_writer_calls(writer);
	ck_assert(vk_copy_writer_begin(writer, archive ? "archive" : "top", &sum, NULL));
	bed_entry("", S_IFDIR | 0755, 0);
	for (char name[] = "a"; *name <= 'c'; (*name)++) {
		bed_entry(name, S_IFREG | 0644, 0);
		ck_assert(bed_calls.attribute(bed_calls.data, "user.a", (const guint8 *)"v", 1,
					      NULL));
	}
}

START_TEST(only_an_archive_misses_attributes_where_there_are_none)
{
	has_attributes = FALSE;
	vk_log_set_hook(count_warning);
	copy_with_attributes(FALSE);
	ck_assert_uint_eq(end()->refused, 0);
	ck_assert_uint_eq(end()->files, 3);
	g_clear_pointer(&writer, vk_copy_writer_free);
	copy_with_attributes(TRUE);
	ck_assert_uint_eq(end()->refused, 3);
	ck_assert_uint_eq(warnings, 1);
}
END_TEST

START_TEST(an_unfinished_file_does_not_appear)
{
	begin(FALSE);
	bed_entry("", S_IFREG | 0644, 6);
	bed_bytes(0, "abc");
	g_clear_pointer(&writer, vk_copy_writer_free);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

START_TEST(names_of_one_file_stay_names_of_one_file)
{
	char first[] = "a", second[] = "b", third[] = "c";
	VkEntry made = {.mode = S_IFREG | 0644, .links = 2, .size = 1, .device = 1, .inode = 7};

	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	made.path = first;
	ck_assert(bed_calls.entry(bed_calls.data, &made, NULL));
	bed_bytes(0, "x");
	made.path = second;
	ck_assert(bed_calls.entry(bed_calls.data, &made, NULL));
	bed_bytes(0, "x");
	made.path = third;
	made.inode = 8;
	ck_assert(bed_calls.entry(bed_calls.data, &made, NULL));
	bed_bytes(0, "y");
	ck_assert_uint_eq(end()->files, 3);
	ck_assert(bed_look("top/a").st_ino == bed_look("top/b").st_ino);
	ck_assert(bed_look("top/a").st_ino != bed_look("top/c").st_ino);
	bed_check_content("top/c", "y", 1);
}
END_TEST

/* As on file systems where upper and lower case are one. */
START_TEST(two_names_that_are_one_here)
{
	g_autofree char *path = bed_place("top");

	ck_assert_int_eq(g_mkdir(path, 0755), 0);
	begin(TRUE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("file", S_IFREG | 0644, 5);
	bed_bytes(0, "first");
	bed_entry("file", S_IFREG | 0644, 6);
	bed_bytes(0, "second");
	bed_entry("sub", S_IFDIR | 0755, 0);
	bed_entry("sub/file", S_IFREG | 0644, 5);
	bed_bytes(0, "first");
	bed_entry("sub", S_IFDIR | 0755, 0);
	bed_entry("sub/file", S_IFREG | 0644, 6);
	bed_bytes(0, "second");
	ck_assert_uint_eq(end()->failed, 3);
	bed_check_content("top/file", "first", 5);
	bed_check_content("top/sub/file", "first", 5);
}
END_TEST

/* Another user puts a file of the host under the first name. */
START_TEST(a_swapped_file_gets_no_name)
{
	char first[] = "a", second[] = "b";
	VkEntry made = {.mode = S_IFREG | 0644, .links = 2, .size = 1, .device = 1, .inode = 7};
	g_autofree char *path = bed_place("top/a");
	g_autofree char *secret = g_build_filename(bed_outside, "secret", NULL);

	ck_assert(g_file_set_contents(secret, "secret", -1, NULL));
	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	made.path = first;
	ck_assert(bed_calls.entry(bed_calls.data, &made, NULL));
	bed_bytes(0, "x");
	bed_entry("between", S_IFREG | 0644, 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(link(secret, path), 0);
	made.path = second;
	ck_assert(bed_calls.entry(bed_calls.data, &made, NULL));
	bed_bytes(0, "y");
	ck_assert_uint_eq(end()->failed, 0);
	bed_check_content("top/b", "y", 1);
}
END_TEST

/* Whom the mode or an access list lets in must not meet what is half written. */
START_TEST(a_directory_is_closed_until_all_is_in_it)
{
	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("sub", S_IFDIR | 0555, 0);
	bed_entry("sub/file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	bed_entry("sub/other", S_IFREG | 0644, 0);
	ck_assert_uint_eq(bed_look("top/sub").st_mode & 07777, 0700);
	bed_entry("next", S_IFREG | 0644, 0);
	ck_assert_uint_eq(bed_look("top/sub").st_mode & 07777, 0555);
	ck_assert_int_eq(bed_look("top/sub").st_mtime, BED_TIME);
	bed_entry("sub/late", S_IFREG | 0644, 0);
	ck_assert_uint_eq(end()->failed, 1);
	ck_assert_int_eq(bed_look("top").st_mtime, BED_TIME);
}
END_TEST

START_TEST(a_chain_of_directories_has_an_end)
{
	g_autoptr(GString) path = g_string_new(NULL);

	begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	for (guint i = 0; i < 700; i++) {
		g_string_append(path, i ? "/d" : "d");
		bed_entry(path->str, S_IFDIR | 0755, 0);
	}
	ck_assert_uint_eq(end()->directories, 600);
	ck_assert_uint_eq(end()->failed, 101);
}
END_TEST

START_TEST(the_name_of_a_copy_is_a_name)
{
	static const char *const names[] = {"..", ".", "a/b"};
	const VkCopySum sum = {0};
	g_autoptr(GError) error = NULL;

	begin(FALSE);
	ck_assert(!vk_copy_writer_begin(writer, names[_i], &sum, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("copy-writer");
	TCase *cases = tcase_create("copy-writer");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_tree_is_copied);
	tcase_add_test(cases, no_bits_that_give_rights);
	tcase_add_test(cases, holes_stay_holes);
	tcase_add_test(cases, links_of_the_guest_are_not_followed);
	tcase_add_test(cases, links_of_the_host_are_not_followed);
	tcase_add_loop_test(cases, what_exists_stays_unless_overwritten, 0, 2);
	tcase_add_test(cases, a_file_with_a_gap_does_not_appear);
	tcase_add_test(cases, a_file_before_an_unread_one_stays);
	tcase_add_loop_test(cases, trouble_of_one_file_is_its_own, 0, 2);
	tcase_add_test(cases, a_name_that_is_too_long_costs_its_entry);
	tcase_add_test(cases, a_refused_attribute_costs_no_file);
	tcase_add_test(cases, only_an_archive_misses_attributes_where_there_are_none);
	tcase_add_test(cases, an_unfinished_file_does_not_appear);
	tcase_add_test(cases, names_of_one_file_stay_names_of_one_file);
	tcase_add_test(cases, two_names_that_are_one_here);
	tcase_add_test(cases, a_swapped_file_gets_no_name);
	tcase_add_test(cases, a_directory_is_closed_until_all_is_in_it);
	tcase_add_test(cases, a_chain_of_directories_has_an_end);
	tcase_add_loop_test(cases, the_name_of_a_copy_is_a_name, 0, 3);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
