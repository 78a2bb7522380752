/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files for a running guest, whose part a directory and the shell of this host play. */
#include "guest-bed.h"
#include "guest-place.h"
#include "inside.h"
#include "interrupt.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_tree_is_put)
{
	const VkCopyCount *count;
	struct stat st;

	bed_begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("sub", S_IFDIR | 0550, 0);
	bed_entry("sub/file", S_IFREG | 04741, 5);
	bed_bytes(0, "hello");
	ck_assert(bed_give("sub/link", S_IFLNK | 0777, 0, "../x\n", NULL));
	bed_entry("sub/fifo", S_IFIFO | 0644, 0);
	bed_entry("empty", S_IFREG | 0600, 0);
	count = bed_end();
	bed_check_content("top/sub/file", "hello", 5);
	ck_assert_uint_eq(count->files, 2);
	ck_assert_uint_eq(count->directories, 2);
	ck_assert_uint_eq(count->links, 1);
	ck_assert_uint_eq(count->skipped, 1);
	ck_assert_uint_eq(count->failed, 0);
	st = bed_look("top/sub");
	ck_assert_uint_eq(st.st_mode & 07777, 0550);
	ck_assert_int_eq(st.st_mtime, BED_TIME);
	st = bed_look("top/sub/file");
	ck_assert_uint_eq(st.st_mode & 07777, 04741);
	ck_assert_int_eq(st.st_mtime, BED_TIME);
	st = bed_look("top/empty");
	ck_assert_int_eq(st.st_size, 0);
	st = bed_look("top/sub/link");
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(st.st_size, 5);
}
END_TEST

/* Longer than a chunk, with a hole that is longer than one, and another at the end. */
START_TEST(chunks_and_holes)
{
	const gsize length = VK_INSIDE_INPUT_MAX + 1000;
	const gsize last = 3 * VK_INSIDE_INPUT_MAX + 4096;
	const gsize size = 5 * VK_INSIDE_INPUT_MAX + 7;
	g_autofree char *expected = g_malloc0(size);

	for (gsize i = 0; i < length; i++)
		expected[i] = (char)('a' + i % 23);
	expected[last] = 'z';
	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, size);
	for (gsize at = 0; at < length; at += 65536)
		ck_assert(bed_calls.bytes(bed_calls.data, at, (const guint8 *)expected + at,
					  MIN(65536, length - at), NULL));
	bed_bytes(last, "z");
	bed_end();
	bed_check_content("top", expected, size);
	ck_assert_int_lt(bed_look("top").st_blocks * 512,
			 (gint64)size - (gint64)VK_INSIDE_INPUT_MAX);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
	/* Finding the directory, and three chunks, the last of which ends the file. */
	ck_assert_uint_eq(bed_runs, 4);
}
END_TEST

START_TEST(names_are_bytes)
{
	const char *name = "-n \xff\n*'\"$(id)\\ \n";

	bed_begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry(name, S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	ck_assert_uint_eq(bed_end()->failed, 0);
	g_autofree char *path = g_strconcat("top/", name, NULL);
	bed_check_content(path, "x", 1);
}
END_TEST

START_TEST(what_exists_stays_unless_overwritten)
{
	g_autofree char *path = bed_place("top");

	ck_assert(g_file_set_contents(path, "old", -1, NULL));
	bed_begin(_i);
	bed_entry("", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	ck_assert_uint_eq(bed_end()->failed, _i ? 0 : 1);
	bed_check_content("top", _i ? "new" : "old", 3);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
}
END_TEST

/* Not even over an empty one. */
START_TEST(a_directory_is_not_replaced)
{
	g_autofree char *path = bed_place("top");

	ck_assert_int_eq(g_mkdir(path, 0755), 0);
	bed_begin(TRUE);
	bed_entry("", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	ck_assert_uint_eq(bed_end()->failed, 1);
	ck_assert_uint_eq(bed_entries_of(path), 0);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
}
END_TEST

START_TEST(links_are_not_followed)
{
	g_autofree char *top = bed_place("top");
	g_autofree char *link = bed_place("top/link");

	ck_assert_int_eq(g_mkdir(top, 0755), 0);
	ck_assert_int_eq(symlink(bed_outside, link), 0);
	bed_begin(TRUE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("link", S_IFDIR | 0755, 0);
	bed_entry("link/file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	ck_assert_uint_eq(bed_end()->failed, 2);
	ck_assert_uint_eq(bed_entries_of(bed_outside), 0);
}
END_TEST

/* A user of the guest exchanges a directory for a link while the walk is in it. */
START_TEST(a_swapped_directory_gets_nothing)
{
	g_autofree char *sub = bed_place("top/sub");
	g_autofree char *aside = bed_place("aside");

	bed_begin(TRUE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("sub", S_IFDIR | 0755, 0);
	ck_assert_int_eq(rename(sub, aside), 0);
	ck_assert_int_eq(symlink(bed_outside, sub), 0);
	bed_entry("sub/file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	bed_entry("next", S_IFREG | 0644, 0);
	ck_assert_uint_eq(bed_end()->failed, 2);
	ck_assert_uint_eq(bed_entries_of(bed_outside), 0);
	ck_assert_uint_eq(bed_entries_of(aside), 0);
}
END_TEST

/* It is no option of a program. */
START_TEST(a_target_begins_with_a_dash)
{
	static const char *const targets[] = {"-f", "-t.", "--", "-"};
	g_autofree char *path = bed_place("top");
	g_autofree char *target = NULL;

	bed_begin(FALSE);
	ck_assert(bed_give("", S_IFLNK | 0777, 0, targets[_i], NULL));
	ck_assert_uint_eq(bed_end()->links, 1);
	target = g_file_read_link(path, NULL);
	ck_assert_pstr_eq(target, targets[_i]);
}
END_TEST

/* The status of a program that leaves a file as it is depends on its version. */
START_TEST(what_appears_meanwhile_stays)
{
	static const char *const ends[] = {"touch \"../$name\"; mv $how",
					   "touch \"../$name\"; false"};
	const VkPut put = {.parts = VK_PUT_BEGIN | VK_PUT_END};
	const VkGuestPlace at = {.directory = bed_directory, .name = "top", .staging = ".new"};
	g_auto(VkOutcome) outcome = {0};
	const VkEntry file = {.uid = geteuid(), .gid = getegid(), .mode = 0644};

	bed_spoilt = "mv $how";
	bed_instead = ends[_i];
	ck_assert(vk_guest_place_put(NULL, &at, &file, &put, 60, &outcome, NULL));
	ck_assert_int_eq(outcome.status, VK_PLACE_EXISTS);
	bed_check_content("top", "", 0);
}
END_TEST

START_TEST(a_time_that_cannot_be_set)
{
	bed_begin(FALSE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("file", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	bed_spoilt = "touch";
	bed_instead = "false";
	ck_assert_uint_eq(bed_end()->failed, 2);
	ck_assert_uint_eq(vk_guest_writer_count(bed_writer)->files, 0);
}
END_TEST

/* The device, or the server and its directory, and where it is mounted have spaces. */
START_TEST(room_is_found_behind_spaces)
{
	static const char *const lines[] = {"echo /dev/sda1 9 7 2 78% /mnt",
					    "echo nas:/my files 9 7 2 78% /my files",
					    "echo none - - - - /sys", "no-such-program"};
	static const guint64 rooms[] = {2048, 2048, G_MAXUINT64, G_MAXUINT64};
	g_autofree char *found = NULL;
	guint64 room = 0;
	guint swept;

	bed_spoilt = "df -Pk .";
	bed_instead = lines[_i];
	found = vk_guest_place_find(NULL, bed_directory, &room, &swept, NULL);
	ck_assert_pstr_eq(found, bed_directory);
	ck_assert_uint_eq(room, rooms[_i]);
}
END_TEST

/* The sum of its zeros would take hours. */
START_TEST(a_huge_hole_is_refused)
{
	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, ((guint64)1 << 40) + 1);
	bed_bytes(0, "abc");
	ck_assert_uint_eq(bed_end()->failed, 1);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

START_TEST(summing_up_a_hole_is_interrupted)
{
	g_autoptr(GError) error = NULL;

	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, (guint64)1 << 40);
	vk_set_interrupted(TRUE);
	ck_assert(!vk_guest_writer_end(bed_writer, &error));
	vk_set_interrupted(FALSE);
	ck_assert_uint_eq(bed_runs, 1);
}
END_TEST

/* The only directory of a staged file. New string. */
static char *staging(void)
{
	g_autoptr(GDir) opened = g_dir_open(bed_directory, 0, NULL);

	return bed_place(g_dir_read_name(opened));
}

/* A directory of root's that a user has found: a link in it leads outside. */
static void make_trap(const char *path, mode_t mode)
{
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *link = g_build_filename(path, name, NULL);
	g_autofree char *target = g_build_filename(bed_outside, "shadow", NULL);

	ck_assert(g_file_set_contents(target, "secret", -1, NULL));
	ck_assert_int_eq(chmod(target, 0640), 0);
	ck_assert_int_eq(g_mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	ck_assert_int_eq(symlink(target, link), 0);
}

static void check_trap(void)
{
	g_autofree char *target = g_build_filename(bed_outside, "shadow", NULL);
	g_autofree char *text = NULL;
	struct stat st;

	ck_assert(g_file_get_contents(target, &text, NULL, NULL));
	ck_assert_str_eq(text, "secret");
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}

static const mode_t trap_modes[] = {0777, 0700};

/* A user exchanges the directory of a file that is being written for another of root's. */
START_TEST(a_swapped_staging_directory_gets_nothing)
{
	g_autofree char *aside = g_build_filename(bed_outside, "aside", NULL);
	g_autofree char *staged = NULL;

	bed_begin(TRUE);
	bed_entry("", S_IFREG | 0755, 2 * VK_INSIDE_INPUT_MAX);
	bed_bytes(0, "abc");
	bed_bytes(VK_INSIDE_INPUT_MAX, "def");
	staged = staging();
	ck_assert_int_eq(rename(staged, aside), 0);
	make_trap(staged, trap_modes[_i]);
	ck_assert_uint_eq(bed_end()->failed, 1);
	check_trap();
	ck_assert_uint_eq(bed_entries_of(staged), 1);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
}
END_TEST

/* As before, between its making and the first look at it. */
START_TEST(a_directory_swapped_at_once_gets_nothing)
{
	g_autofree char *trap = g_build_filename(bed_outside, "trap", NULL);
	g_autofree char *swap = g_strdup_printf("rmdir \"$3\"; mv '%s' \"$3\"\n", trap);
	g_autofree char *made = g_strconcat("mkdir \"$3\" || exit 1\n", swap, NULL);

	bed_begin(TRUE);
	make_trap(trap, trap_modes[_i]);
	bed_entry("", S_IFREG | 0755, 3);
	bed_bytes(0, "new");
	bed_spoilt = "mkdir \"$3\" || exit 1\n";
	bed_instead = made;
	ck_assert_uint_eq(bed_end()->failed, 1);
	check_trap();
}
END_TEST

/* Neither files nor owner and mode. */
START_TEST(another_directory_of_roots_gets_nothing)
{
	g_autofree char *sub = bed_place("top/sub");
	g_autofree char *aside = bed_place("aside");

	bed_begin(TRUE);
	bed_entry("", S_IFDIR | 0755, 0);
	bed_entry("sub", S_IFDIR | 0755, 0);
	ck_assert_int_eq(rename(sub, aside), 0);
	make_trap(sub, trap_modes[_i]);
	bed_entry("sub/file", S_IFREG | 0644, 1);
	bed_bytes(0, "x");
	bed_entry("sub/inner", S_IFDIR | 0755, 0);
	ck_assert_uint_eq(bed_end()->failed, 3);
	ck_assert_uint_eq(bed_entries_of(sub), 1);
	ck_assert_uint_eq(bed_look("top/sub").st_mode & 07777, trap_modes[_i]);
	check_trap();
}
END_TEST

/* What arrives is not what was sent, and what was there stays. */
START_TEST(a_wrong_checksum_puts_nothing)
{
	g_autofree char *path = bed_place("top");
	g_autoptr(GError) error = NULL;

	ck_assert(g_file_set_contents(path, "old", -1, NULL));
	bed_begin(TRUE);
	bed_entry("", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	bed_spoilt = "sum=$(";
	bed_instead = "echo x > \"$3\"; sum=$(";
	ck_assert(!vk_guest_writer_end(bed_writer, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "checksum"));
	g_clear_pointer(&bed_writer, vk_guest_writer_free);
	bed_check_content("top", "old", 3);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
}
END_TEST

/* Then it comes back, to be summed up here. */
START_TEST(a_guest_without_checksums)
{
	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, VK_INSIDE_INPUT_MAX + 3);
	bed_bytes(VK_INSIDE_INPUT_MAX, "new");
	bed_spoilt = "sha256sum";
	bed_instead = "no-such-program";
	ck_assert_uint_eq(bed_end()->files, 1);
	ck_assert_int_eq(bed_look("top").st_size, VK_INSIDE_INPUT_MAX + 3);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
}
END_TEST

START_TEST(what_comes_back_is_compared)
{
	g_autoptr(GError) error = NULL;

	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	bed_spoilt = "sum=$(sha256sum < \"$3\") ||";
	bed_instead = "printf xyz > \"$3\";";
	ck_assert(!vk_guest_writer_end(bed_writer, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "checksum"));
	g_clear_pointer(&bed_writer, vk_guest_writer_free);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

/* The file that is written is removed, and the copy ends. */
START_TEST(a_full_disk_ends_the_copy)
{
	g_autoptr(GError) error = NULL;

	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, 3);
	bed_bytes(0, "new");
	bed_spoilt = "dd of=\"$3\"";
	bed_instead = "dd of=/dev/full";
	ck_assert(!vk_guest_writer_end(bed_writer, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "No space left"));
	g_clear_pointer(&bed_writer, vk_guest_writer_free);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

START_TEST(a_file_with_a_gap_does_not_appear)
{
	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, 2 * VK_INSIDE_INPUT_MAX);
	bed_bytes(0, "abc");
	bed_bytes(VK_INSIDE_INPUT_MAX, "def");
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
	bed_calls.unread(bed_calls.data, "");
	ck_assert_uint_eq(bed_end()->files, 0);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

START_TEST(an_unfinished_file_is_removed)
{
	bed_begin(FALSE);
	bed_entry("", S_IFREG | 0644, 2 * VK_INSIDE_INPUT_MAX);
	bed_bytes(0, "abc");
	bed_bytes(VK_INSIDE_INPUT_MAX, "def");
	ck_assert_uint_eq(bed_entries_of(bed_directory), 1);
	g_clear_pointer(&bed_writer, vk_guest_writer_free);
	ck_assert_uint_eq(bed_entries_of(bed_directory), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-writer");
	TCase *cases = tcase_create("guest-writer");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, bed_set_up, bed_tear_down);
	tcase_add_test(cases, a_tree_is_put);
	tcase_add_test(cases, chunks_and_holes);
	tcase_add_test(cases, names_are_bytes);
	tcase_add_loop_test(cases, what_exists_stays_unless_overwritten, 0, 2);
	tcase_add_test(cases, a_directory_is_not_replaced);
	tcase_add_test(cases, links_are_not_followed);
	tcase_add_test(cases, a_swapped_directory_gets_nothing);
	tcase_add_loop_test(cases, a_target_begins_with_a_dash, 0, 4);
	tcase_add_test(cases, a_time_that_cannot_be_set);
	tcase_add_loop_test(cases, what_appears_meanwhile_stays, 0, 2);
	tcase_add_loop_test(cases, room_is_found_behind_spaces, 0, 4);
	tcase_add_test(cases, summing_up_a_hole_is_interrupted);
	tcase_add_test(cases, a_huge_hole_is_refused);
	tcase_add_loop_test(cases, a_swapped_staging_directory_gets_nothing, 0, 2);
	tcase_add_loop_test(cases, a_directory_swapped_at_once_gets_nothing, 0, 2);
	tcase_add_loop_test(cases, another_directory_of_roots_gets_nothing, 0, 2);
	tcase_add_test(cases, a_wrong_checksum_puts_nothing);
	tcase_add_test(cases, a_guest_without_checksums);
	tcase_add_test(cases, what_comes_back_is_compared);
	tcase_add_test(cases, a_full_disk_ends_the_copy);
	tcase_add_test(cases, a_file_with_a_gap_does_not_appear);
	tcase_add_test(cases, an_unfinished_file_is_removed);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
