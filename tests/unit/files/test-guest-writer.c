/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files for a running guest, whose part a directory and the shell of this host play. */
#include "guest-writer.h"

#include "errors.h"
#include "inside.h"
#include "log.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME 1000000000

static char *directory, *outside, *wires;
static VkGuestWriter *writer;
static VkWalkCalls calls;
static const char *spoilt, *instead; /* a text in the scripts, and what stands there instead */
static guint runs;

/* ---- the guest ---- */

gboolean vk_inside_run(VkInside *inside, const VkScript *script, guint timeout_sec, VkOutcome *ret,
		       GError **error)
{
	g_auto(GStrv) parts = g_strsplit(script->text, spoilt, -1);
	g_autofree char *changed = g_strjoinv(instead, parts);
	g_autofree char *input = g_build_filename(wires, "input", NULL);
	g_autofree char *output = g_build_filename(wires, "output", NULL);
	g_autofree char *text = g_strdup_printf("exec < '%s' > '%s'\n%s", input, output, changed);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	int status;

	runs++;
	g_ptr_array_add(argv, g_strdup("/bin/sh"));
	g_ptr_array_add(argv, g_strdup("-c"));
	g_ptr_array_add(argv, g_steal_pointer(&text));
	g_ptr_array_add(argv, g_strdup("virtkeep"));
	for (const char *const *word = script->words; *word; word++) {
		ck_assert(g_utf8_validate(*word, -1, NULL));
		g_ptr_array_add(argv, g_strdup(*word));
	}
	g_ptr_array_add(argv, NULL);
	ck_assert_uint_le(script->length, VK_INSIDE_INPUT_MAX);
	ck_assert(g_file_set_contents(input, (const char *)script->input, (gssize)script->length,
				      NULL));
	ck_assert(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
			       &ret->errors, &status, NULL));
	ck_assert(g_file_get_contents(output, &ret->out, &ret->length, NULL));
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	g_strchomp(ret->errors);
	return TRUE;
}

void vk_outcome_clear(VkOutcome *outcome)
{
	g_clear_pointer(&outcome->out, g_free);
	g_clear_pointer(&outcome->errors, g_free);
}

/* ---- the walk ---- */

static void begin(gboolean overwrite)
{
	const VkCopySum sum = {.bytes = 1};

	writer = vk_guest_writer_new(NULL, "web", directory, overwrite, NULL);
	ck_assert_ptr_nonnull(writer);
	calls = vk_guest_writer_calls(writer);
	ck_assert(vk_guest_writer_begin(writer, "top", &sum, NULL));
}

static void set_up(void)
{
	vk_log_set_level(VK_LOG_QUIET);
	directory = temp_directory_new();
	outside = temp_directory_new();
	wires = temp_directory_new();
	spoilt = "no such text";
	instead = "";
	runs = 0;
}

static void tear_down(void)
{
	g_clear_pointer(&writer, vk_guest_writer_free);
	temp_directory_remove(directory);
	g_free(directory);
	temp_directory_remove(outside);
	g_free(outside);
	temp_directory_remove(wires);
	g_free(wires);
}

static gboolean give(const char *path, guint32 mode, guint64 size, const char *target,
		     GError **error)
{
	g_autofree char *copy = g_strdup(path);
	g_autofree char *to = g_strdup(target);
	const VkEntry made = {.path = copy,
			      .target = to,
			      .mode = mode,
			      .uid = geteuid(),
			      .gid = getegid(),
			      .links = 1,
			      .size = size,
			      .mtime_sec = TIME};

	return calls.entry(calls.data, &made, error);
}

static void entry(const char *path, guint32 mode, guint64 size)
{
	ck_assert(give(path, mode, size, NULL, NULL));
}

static void bytes(guint64 offset, const char *text)
{
	ck_assert(calls.bytes(calls.data, offset, (const guint8 *)text, strlen(text), NULL));
}

static const VkCopyCount *end(void)
{
	ck_assert(vk_guest_writer_end(writer, NULL));
	return vk_guest_writer_count(writer);
}

static char *place(const char *path)
{
	return g_build_filename(directory, path, NULL);
}

static void check_content(const char *path, const char *expected, gsize expected_length)
{
	g_autofree char *full = place(path);
	g_autofree char *text = NULL;
	gsize length;

	ck_assert_msg(g_file_get_contents(full, &text, &length, NULL), "no '%s'", path);
	ck_assert_uint_eq(length, expected_length);
	ck_assert_mem_eq(text, expected, length);
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

START_TEST(a_tree_is_put)
{
	const VkCopyCount *count;
	struct stat st;

	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	entry("sub", S_IFDIR | 0550, 0);
	entry("sub/file", S_IFREG | 04741, 5);
	bytes(0, "hello");
	ck_assert(give("sub/link", S_IFLNK | 0777, 0, "../x\n", NULL));
	entry("sub/fifo", S_IFIFO | 0644, 0);
	entry("empty", S_IFREG | 0600, 0);
	count = end();
	check_content("top/sub/file", "hello", 5);
	ck_assert_uint_eq(count->files, 2);
	ck_assert_uint_eq(count->directories, 2);
	ck_assert_uint_eq(count->links, 1);
	ck_assert_uint_eq(count->skipped, 1);
	ck_assert_uint_eq(count->failed, 0);
	st = look("top/sub");
	ck_assert_uint_eq(st.st_mode & 07777, 0550);
	ck_assert_int_eq(st.st_mtime, TIME);
	st = look("top/sub/file");
	ck_assert_uint_eq(st.st_mode & 07777, 04741);
	ck_assert_int_eq(st.st_mtime, TIME);
	st = look("top/empty");
	ck_assert_int_eq(st.st_size, 0);
	st = look("top/sub/link");
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
	begin(FALSE);
	entry("", S_IFREG | 0644, size);
	for (gsize at = 0; at < length; at += 65536)
		ck_assert(calls.bytes(calls.data, at, (const guint8 *)expected + at,
				      MIN(65536, length - at), NULL));
	bytes(last, "z");
	end();
	check_content("top", expected, size);
	ck_assert_int_lt(look("top").st_blocks * 512, (gint64)size - (gint64)VK_INSIDE_INPUT_MAX);
	ck_assert_uint_eq(entries_of(directory), 1);
	/* Finding the directory, and three chunks, the last of which ends the file. */
	ck_assert_uint_eq(runs, 4);
}
END_TEST

START_TEST(names_are_bytes)
{
	const char *name = "-n \xff\n*'\"$(id)\\ \n";

	begin(FALSE);
	entry("", S_IFDIR | 0755, 0);
	entry(name, S_IFREG | 0644, 1);
	bytes(0, "x");
	ck_assert_uint_eq(end()->failed, 0);
	g_autofree char *path = g_strconcat("top/", name, NULL);
	check_content(path, "x", 1);
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
	check_content("top", _i ? "new" : "old", 3);
	ck_assert_uint_eq(entries_of(directory), 1);
}
END_TEST

/* Not even over an empty one. */
START_TEST(a_directory_is_not_replaced)
{
	g_autofree char *path = place("top");

	ck_assert_int_eq(g_mkdir(path, 0755), 0);
	begin(TRUE);
	entry("", S_IFREG | 0644, 3);
	bytes(0, "new");
	ck_assert_uint_eq(end()->failed, 1);
	ck_assert_uint_eq(entries_of(path), 0);
	ck_assert_uint_eq(entries_of(directory), 1);
}
END_TEST

START_TEST(links_are_not_followed)
{
	g_autofree char *top = place("top");
	g_autofree char *link = place("top/link");

	ck_assert_int_eq(g_mkdir(top, 0755), 0);
	ck_assert_int_eq(symlink(outside, link), 0);
	begin(TRUE);
	entry("", S_IFDIR | 0755, 0);
	entry("link", S_IFDIR | 0755, 0);
	entry("link/file", S_IFREG | 0644, 1);
	bytes(0, "x");
	ck_assert_uint_eq(end()->failed, 2);
	ck_assert_uint_eq(entries_of(outside), 0);
}
END_TEST

/* A user of the guest exchanges a directory for a link while the walk is in it. */
START_TEST(a_swapped_directory_gets_nothing)
{
	g_autofree char *sub = place("top/sub");
	g_autofree char *aside = place("aside");

	begin(TRUE);
	entry("", S_IFDIR | 0755, 0);
	entry("sub", S_IFDIR | 0755, 0);
	ck_assert_int_eq(rename(sub, aside), 0);
	ck_assert_int_eq(symlink(outside, sub), 0);
	entry("sub/file", S_IFREG | 0644, 1);
	bytes(0, "x");
	entry("next", S_IFREG | 0644, 0);
	ck_assert_uint_eq(end()->failed, 2);
	ck_assert_uint_eq(entries_of(outside), 0);
	ck_assert_uint_eq(entries_of(aside), 0);
}
END_TEST

/* What arrives is not what was sent, and what was there stays. */
START_TEST(a_wrong_checksum_puts_nothing)
{
	g_autofree char *path = place("top");
	g_autoptr(GError) error = NULL;

	ck_assert(g_file_set_contents(path, "old", -1, NULL));
	begin(TRUE);
	entry("", S_IFREG | 0644, 3);
	bytes(0, "new");
	spoilt = "sum=$(";
	instead = "echo x > data; sum=$(";
	ck_assert(!vk_guest_writer_end(writer, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "checksum"));
	g_clear_pointer(&writer, vk_guest_writer_free);
	check_content("top", "old", 3);
	ck_assert_uint_eq(entries_of(directory), 1);
}
END_TEST

/* Then it comes back, to be summed up here. */
START_TEST(a_guest_without_checksums)
{
	begin(FALSE);
	entry("", S_IFREG | 0644, VK_INSIDE_INPUT_MAX + 3);
	bytes(VK_INSIDE_INPUT_MAX, "new");
	spoilt = "sha256sum";
	instead = "no-such-program";
	ck_assert_uint_eq(end()->files, 1);
	ck_assert_int_eq(look("top").st_size, VK_INSIDE_INPUT_MAX + 3);
	ck_assert_uint_eq(entries_of(directory), 1);
}
END_TEST

START_TEST(what_comes_back_is_compared)
{
	g_autoptr(GError) error = NULL;

	begin(FALSE);
	entry("", S_IFREG | 0644, 3);
	bytes(0, "new");
	spoilt = "sum=$(sha256sum < data) ||";
	instead = "printf xyz > data;";
	ck_assert(!vk_guest_writer_end(writer, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "checksum"));
	g_clear_pointer(&writer, vk_guest_writer_free);
	ck_assert_uint_eq(entries_of(directory), 0);
}
END_TEST

/* The file that is written is removed, and the copy ends. */
START_TEST(a_full_disk_ends_the_copy)
{
	g_autoptr(GError) error = NULL;

	begin(FALSE);
	entry("", S_IFREG | 0644, 3);
	bytes(0, "new");
	spoilt = "dd of=data";
	instead = "dd of=/dev/full";
	ck_assert(!vk_guest_writer_end(writer, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "No space left"));
	g_clear_pointer(&writer, vk_guest_writer_free);
	ck_assert_uint_eq(entries_of(directory), 0);
}
END_TEST

START_TEST(a_file_with_a_gap_does_not_appear)
{
	begin(FALSE);
	entry("", S_IFREG | 0644, 2 * VK_INSIDE_INPUT_MAX);
	bytes(0, "abc");
	bytes(VK_INSIDE_INPUT_MAX, "def");
	ck_assert_uint_eq(entries_of(directory), 1);
	calls.unread(calls.data, "");
	ck_assert_uint_eq(end()->files, 0);
	ck_assert_uint_eq(entries_of(directory), 0);
}
END_TEST

START_TEST(an_unfinished_file_is_removed)
{
	begin(FALSE);
	entry("", S_IFREG | 0644, 2 * VK_INSIDE_INPUT_MAX);
	bytes(0, "abc");
	bytes(VK_INSIDE_INPUT_MAX, "def");
	ck_assert_uint_eq(entries_of(directory), 1);
	g_clear_pointer(&writer, vk_guest_writer_free);
	ck_assert_uint_eq(entries_of(directory), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-writer");
	TCase *cases = tcase_create("guest-writer");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_tree_is_put);
	tcase_add_test(cases, chunks_and_holes);
	tcase_add_test(cases, names_are_bytes);
	tcase_add_loop_test(cases, what_exists_stays_unless_overwritten, 0, 2);
	tcase_add_test(cases, a_directory_is_not_replaced);
	tcase_add_test(cases, links_are_not_followed);
	tcase_add_test(cases, a_swapped_directory_gets_nothing);
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
