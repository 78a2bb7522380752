/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of what a guest has, good and hostile, below a directory of the host. */
#include "copy-writer.h"

#include "errors.h"
#include "io.h"
#include "log.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME 1000000000

static char *directory, *outside;
static VkCopyWriter *writer;
static VkWalkCalls calls;

static void begin(gboolean overwrite)
{
	const VkCopyOptions options = {.overwrite = overwrite};
	const VkCopySum sum = {0};

	writer = vk_copy_writer_new(directory, &options, NULL);
	ck_assert_ptr_nonnull(writer);
	calls = vk_copy_writer_calls(writer);
	ck_assert(vk_copy_writer_begin(writer, "top", &sum, NULL));
}

static void set_up(void)
{
	vk_log_set_level(VK_LOG_QUIET);
	directory = temp_directory_new();
	outside = temp_directory_new();
}

static void tear_down(void)
{
	g_clear_pointer(&writer, vk_copy_writer_free);
	temp_directory_remove(directory);
	g_free(directory);
	temp_directory_remove(outside);
	g_free(outside);
}

static void entry(const char *path, guint32 mode, guint64 size)
{
	g_autofree char *copy = g_strdup(path);
	const VkEntry made = {
		.path = copy, .mode = mode, .links = 1, .size = size, .mtime_sec = TIME};

	ck_assert(calls.entry(calls.data, &made, NULL));
}

static void link_entry(const char *path, const char *target)
{
	g_autofree char *copy = g_strdup(path);
	g_autofree char *to = g_strdup(target);
	const VkEntry made = {.path = copy, .target = to, .mode = S_IFLNK | 0777, .links = 1};

	ck_assert(calls.entry(calls.data, &made, NULL));
}

static void bytes(guint64 offset, const char *text)
{
	ck_assert(calls.bytes(calls.data, offset, (const guint8 *)text, strlen(text), NULL));
}

static const VkCopyCount *end(void)
{
	ck_assert(vk_copy_writer_end(writer, NULL));
	return vk_copy_writer_count(writer);
}

static char *place(const char *path)
{
	return g_build_filename(directory, path, NULL);
}

static void check_content(const char *path, const char *expected)
{
	g_autofree char *full = place(path);
	g_autofree char *text = NULL;

	ck_assert_msg(g_file_get_contents(full, &text, NULL, NULL), "no '%s'", path);
	ck_assert_str_eq(text, expected);
}

static struct stat look(const char *path)
{
	g_autofree char *full = place(path);
	struct stat st;

	ck_assert_msg(lstat(full, &st) == 0, "no '%s'", path);
	return st;
}

static guint entries_of(const char *path)
{
	g_autoptr(GDir) opened = g_dir_open(path, 0, NULL);
	guint count = 0;

	while (g_dir_read_name(opened))
		count++;
	return count;
}

START_TEST(a_tree_is_copied)
{
	const VkCopyCount *count;
	struct stat st;

	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	entry("sub", S_IFDIR | 0555, 0);
	entry("sub/file", S_IFREG | 0644, 5);
	bytes(0, "hello");
	link_entry("sub/link", "../x");
	entry("sub/fifo", S_IFIFO | 0644, 0);
	entry("zero", S_IFREG | 0600, 0);
	count = end();
	check_content("top/sub/file", "hello");
	ck_assert_uint_eq(count->files, 2);
	ck_assert_uint_eq(count->directories, 2);
	ck_assert_uint_eq(count->links, 1);
	ck_assert_uint_eq(count->skipped, 1);
	ck_assert_uint_eq(count->failed, 0);
	st = look("top/sub");
	ck_assert_uint_eq(st.st_mode & 07777, 0555);
	ck_assert_int_eq(st.st_mtime, TIME);
	st = look("top/sub/file");
	ck_assert_int_eq(st.st_mtime, TIME);
	st = look("top/zero");
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	st = look("top/sub/link");
	ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(no_bits_that_give_rights)
{
	begin(FALSE);
	entry("", S_IFREG | 06777, 0);
	end();
	ck_assert_uint_eq(look("top").st_mode & 07777, 0755);
	ck_assert_uint_eq(look("top").st_uid, geteuid());
}
END_TEST

START_TEST(holes_stay_holes)
{
	begin(FALSE);
	entry("", S_IFREG | 0644, 64 << 20);
	bytes((64 << 20) - 3, "end");
	end();
	ck_assert_int_eq(look("top").st_size, 64 << 20);
	ck_assert_int_lt(look("top").st_blocks, 2048);
}
END_TEST

/* The guest names a link and then something below it. */
START_TEST(links_of_the_guest_are_not_followed)
{
	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	link_entry("link", outside);
	entry("link/file", S_IFREG | 0644, 1);
	bytes(0, "x");
	entry("link", S_IFDIR | 0755, 0);
	entry("link/file", S_IFREG | 0644, 1);
	bytes(0, "x");
	ck_assert_uint_eq(end()->failed, 3);
	ck_assert_uint_eq(entries_of(outside), 0);
}
END_TEST

START_TEST(links_of_the_host_are_not_followed)
{
	g_autofree char *link = place("top");

	ck_assert_int_eq(symlink(outside, link), 0);
	begin(TRUE);
	entry("", S_IFDIR | 0755, 0);
	entry("file", S_IFREG | 0644, 1);
	bytes(0, "x");
	ck_assert_uint_eq(end()->failed, 2);
	ck_assert_uint_eq(entries_of(outside), 0);
}
END_TEST

START_TEST(what_exists_stays_unless_overwritten)
{
	g_autofree char *path = place("top");

	ck_assert(g_file_set_contents(path, "old", -1, NULL));
	begin(_i);
	entry("", S_IFREG | 0644, 3);
	bytes(0, "new");
	ck_assert_uint_eq(end()->failed, _i ? 0 : 1);
	check_content("top", _i ? "new" : "old");
	ck_assert_uint_eq(entries_of(directory), 1);
}
END_TEST

START_TEST(a_file_with_a_gap_does_not_appear)
{
	begin(FALSE);
	entry("", S_IFREG | 0644, 6);
	bytes(0, "abc");
	calls.unread(calls.data, "");
	ck_assert_uint_eq(end()->files, 0);
	ck_assert_uint_eq(entries_of(directory), 0);
}
END_TEST

START_TEST(a_file_before_an_unread_one_stays)
{
	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	entry("a", S_IFREG | 0644, 3);
	bytes(0, "abc");
	calls.unread(calls.data, "b");
	ck_assert_uint_eq(end()->files, 1);
	check_content("top/a", "abc");
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
	entry("", S_IFDIR | 0755, 0);
	entry("a", S_IFREG | 0644, 3);
	write_errno = numbers[_i];
	vk_io.pwrite = failing_pwrite;
	ok = calls.bytes(calls.data, 0, (const guint8 *)"abc", 3, NULL);
	vk_io = kept;
	ck_assert(ok == (_i == 0));
	entry("b", S_IFREG | 0644, 3);
	bytes(0, "def");
	ck_assert_uint_eq(end()->failed, _i == 0);
	check_content("top/b", "def");
}
END_TEST

START_TEST(a_name_that_is_too_long_costs_its_entry)
{
	g_autofree char *name = g_strnfill(300, 'x');

	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	entry(name, S_IFREG | 0644, 0);
	entry("b", S_IFREG | 0644, 0);
	ck_assert_uint_eq(end()->failed, 1);
	check_content("top/b", "");
}
END_TEST

/* No Linux takes a name of more than 255 bytes. */
START_TEST(a_refused_attribute_costs_no_file)
{
	g_autofree char *tail = g_strnfill(300, 'x');
	g_autofree char *name = g_strconcat("user.", tail, NULL);

	begin(FALSE);
	entry("", S_IFREG | 0644, 1);
	bytes(0, "x");
	ck_assert(calls.attribute(calls.data, name, (const guint8 *)"v", 1, NULL));
	ck_assert_uint_eq(end()->refused, 1);
	ck_assert_uint_eq(end()->failed, 0);
	check_content("top", "x");
}
END_TEST

START_TEST(an_unfinished_file_does_not_appear)
{
	begin(FALSE);
	entry("", S_IFREG | 0644, 6);
	bytes(0, "abc");
	g_clear_pointer(&writer, vk_copy_writer_free);
	ck_assert_uint_eq(entries_of(directory), 0);
}
END_TEST

START_TEST(names_of_one_file_stay_names_of_one_file)
{
	char first[] = "a", second[] = "b", third[] = "c";
	VkEntry made = {.mode = S_IFREG | 0644, .links = 2, .size = 1, .device = 1, .inode = 7};

	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	made.path = first;
	ck_assert(calls.entry(calls.data, &made, NULL));
	bytes(0, "x");
	made.path = second;
	ck_assert(calls.entry(calls.data, &made, NULL));
	bytes(0, "x");
	made.path = third;
	made.inode = 8;
	ck_assert(calls.entry(calls.data, &made, NULL));
	bytes(0, "y");
	ck_assert_uint_eq(end()->files, 3);
	ck_assert(look("top/a").st_ino == look("top/b").st_ino);
	ck_assert(look("top/a").st_ino != look("top/c").st_ino);
	check_content("top/c", "y");
}
END_TEST

/* As on file systems where upper and lower case are one. */
START_TEST(two_names_that_are_one_here)
{
	g_autofree char *path = place("top");

	ck_assert_int_eq(g_mkdir(path, 0755), 0);
	begin(TRUE);
	entry("", S_IFDIR | 0755, 0);
	entry("file", S_IFREG | 0644, 5);
	bytes(0, "first");
	entry("file", S_IFREG | 0644, 6);
	bytes(0, "second");
	entry("sub", S_IFDIR | 0755, 0);
	entry("sub/file", S_IFREG | 0644, 5);
	bytes(0, "first");
	entry("sub", S_IFDIR | 0755, 0);
	entry("sub/file", S_IFREG | 0644, 6);
	bytes(0, "second");
	ck_assert_uint_eq(end()->failed, 3);
	check_content("top/file", "first");
	check_content("top/sub/file", "first");
}
END_TEST

/* Another user puts a file of the host under the first name. */
START_TEST(a_swapped_file_gets_no_name)
{
	char first[] = "a", second[] = "b";
	VkEntry made = {.mode = S_IFREG | 0644, .links = 2, .size = 1, .device = 1, .inode = 7};
	g_autofree char *path = place("top/a");
	g_autofree char *secret = g_build_filename(outside, "secret", NULL);

	ck_assert(g_file_set_contents(secret, "secret", -1, NULL));
	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	made.path = first;
	ck_assert(calls.entry(calls.data, &made, NULL));
	bytes(0, "x");
	entry("between", S_IFREG | 0644, 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(link(secret, path), 0);
	made.path = second;
	ck_assert(calls.entry(calls.data, &made, NULL));
	bytes(0, "y");
	ck_assert_uint_eq(end()->failed, 0);
	check_content("top/b", "y");
}
END_TEST

/* Whom the mode or an access list lets in must not meet what is half written. */
START_TEST(a_directory_is_closed_until_all_is_in_it)
{
	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	entry("sub", S_IFDIR | 0555, 0);
	entry("sub/file", S_IFREG | 0644, 1);
	bytes(0, "x");
	entry("sub/other", S_IFREG | 0644, 0);
	ck_assert_uint_eq(look("top/sub").st_mode & 07777, 0700);
	entry("next", S_IFREG | 0644, 0);
	ck_assert_uint_eq(look("top/sub").st_mode & 07777, 0555);
	ck_assert_int_eq(look("top/sub").st_mtime, TIME);
	entry("sub/late", S_IFREG | 0644, 0);
	ck_assert_uint_eq(end()->failed, 1);
	ck_assert_int_eq(look("top").st_mtime, TIME);
}
END_TEST

START_TEST(a_chain_of_directories_has_an_end)
{
	g_autoptr(GString) path = g_string_new(NULL);

	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	for (guint i = 0; i < 700; i++) {
		g_string_append(path, i ? "/d" : "d");
		entry(path->str, S_IFDIR | 0755, 0);
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
