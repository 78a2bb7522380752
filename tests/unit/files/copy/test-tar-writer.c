/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives of what walks find, read back. */
#include "tar-writer.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TIME 1000000000

static VkTarWriter *writer;
static VkWalkCalls calls;
static GByteArray *written;
static struct archive *archive;
static struct archive_entry *member;

static gboolean collect(const void *bytes, gsize length, GError **error)
{
	g_byte_array_append(written, bytes, (guint)length);
	return TRUE;
}

static gboolean refuse(const void *bytes, gsize length, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "no room");
}

static void begin(VkTarOutput output, const char *name)
{
	writer = vk_tar_writer_new(output, NULL);
	ck_assert_ptr_nonnull(writer);
	vk_tar_writer_begin(writer, name);
	calls = vk_tar_writer_calls(writer);
}

static void set_up(void)
{
	vk_log_set_level(VK_LOG_QUIET);
	written = g_byte_array_new();
}

static void tear_down(void)
{
	g_clear_pointer(&writer, vk_tar_writer_free);
	g_clear_pointer(&archive, archive_read_free);
	g_byte_array_unref(written);
}

static VkEntry entry_of(char *path, guint32 mode, guint64 size)
{
	return (VkEntry){.path = path,
			 .mode = mode,
			 .uid = 3000000,
			 .gid = 78,
			 .links = 1,
			 .size = size,
			 .mtime_sec = TIME,
			 .mtime_nsec = 5};
}

static void put(const VkEntry *entry)
{
	ck_assert(calls.entry(calls.data, entry, NULL));
}

static void put_new(const char *path, guint32 mode, guint64 size)
{
	g_autofree char *copy = g_strdup(path);
	const VkEntry entry = entry_of(copy, mode, size);

	put(&entry);
}

static void put_bytes(guint64 offset, const char *text)
{
	ck_assert(calls.bytes(calls.data, offset, (const guint8 *)text, strlen(text), NULL));
}

/* The end of the archive, and the first member of it. */
static void read_back(void)
{
	ck_assert(vk_tar_writer_end(writer, NULL));
	ck_assert(vk_tar_writer_finish(writer, NULL));
	archive = archive_read_new();
	archive_read_support_format_tar(archive);
	archive_read_set_options(archive, "hdrcharset=BINARY");
	ck_assert_int_eq(archive_read_open_memory(archive, written->data, written->len),
			 ARCHIVE_OK);
}

static void expect_member(const char *path)
{
	ck_assert_int_eq(archive_read_next_header(archive, &member), ARCHIVE_OK);
	ck_assert_str_eq(archive_entry_pathname(member), path);
}

static void expect_end(void)
{
	ck_assert_int_eq(archive_read_next_header(archive, &member), ARCHIVE_EOF);
}

static void expect_bytes(const char *bytes, gsize length)
{
	g_autofree char *found = g_malloc(length + 1);

	ck_assert_int_eq(archive_entry_size(member), length);
	ck_assert_int_eq(archive_read_data(archive, found, length + 1), length);
	ck_assert_mem_eq(found, bytes, length);
}

START_TEST(a_tree)
{
	VkEntry link = entry_of((char[]){"sub/link"}, S_IFLNK | 0777, 0);
	VkEntry device = entry_of((char[]){"disk"}, S_IFBLK | 0660, 0);

	link.target = (char[]){"../outside"};
	device.rdev_major = 8;
	device.rdev_minor = 300;
	begin(collect, "top");
	put_new("", S_IFDIR | 0755, 4096);
	put_new("sub", S_IFDIR | 01777, 4096);
	put_new("sub/file", S_IFREG | 04755, 5);
	put_bytes(0, "hello");
	put(&link);
	put_new("socket", S_IFSOCK | 0644, 0);
	put(&device);
	put_new("zero", S_IFREG | 0600, 0);
	read_back();
	expect_member("top/");
	expect_member("top/sub/");
	ck_assert_uint_eq(archive_entry_mode(member), S_IFDIR | 01777);
	expect_member("top/sub/file");
	ck_assert_uint_eq(archive_entry_mode(member), S_IFREG | 04755);
	ck_assert_int_eq(archive_entry_uid(member), 3000000);
	ck_assert_int_eq(archive_entry_gid(member), 78);
	ck_assert_int_eq(archive_entry_mtime(member), TIME);
	ck_assert_int_eq(archive_entry_mtime_nsec(member), 5);
	expect_bytes("hello", 5);
	expect_member("top/sub/link");
	ck_assert_str_eq(archive_entry_symlink(member), "../outside");
	expect_member("top/disk");
	ck_assert_int_eq(archive_entry_rdevmajor(member), 8);
	ck_assert_int_eq(archive_entry_rdevminor(member), 300);
	expect_member("top/zero");
	expect_bytes("", 0);
	expect_end();
	ck_assert_uint_eq(vk_tar_writer_count(writer)->skipped, 1);
	ck_assert_uint_eq(vk_tar_writer_count(writer)->failed, 0);
}
END_TEST

START_TEST(names_are_bytes)
{
	g_autofree char *longest = g_strnfill(1000, 'x');

	begin(collect, "");
	put_new("", S_IFDIR | 0755, 0);
	put_new("\xff\xfe\n", S_IFREG | 0644, 0);
	put_new("gr\xc3\xbc\xc3\x9f", S_IFREG | 0644, 0);
	put_new(longest, S_IFREG | 0644, 1);
	put_bytes(0, "y");
	read_back();
	expect_member("./");
	expect_member("\xff\xfe\n");
	expect_member("gr\xc3\xbc\xc3\x9f");
	expect_member(longest);
	expect_bytes("y", 1);
	expect_end();
}
END_TEST

START_TEST(hard_links)
{
	VkEntry entry = entry_of((char[]){"one"}, S_IFREG | 0644, 5);

	entry.links = 2;
	entry.device = 7;
	entry.inode = 8;
	begin(collect, "");
	put_new("", S_IFDIR | 0755, 0);
	put(&entry);
	put_bytes(0, "hello");
	entry.path = (char[]){"two"};
	put(&entry);
	put_bytes(0, "hello");
	entry.path = (char[]){"other"};
	entry.device = 9;
	put(&entry);
	put_bytes(0, "HELLO");
	read_back();
	expect_member("./");
	expect_member("one");
	expect_bytes("hello", 5);
	expect_member("two");
	ck_assert_str_eq(archive_entry_hardlink(member), "one");
	expect_member("other");
	ck_assert_ptr_null(archive_entry_hardlink(member));
	expect_bytes("HELLO", 5);
	expect_end();
}
END_TEST

/* Contents begin blocks of 512 bytes. */
#define MARK "the content"

static guint marks;

static gboolean count_marks(const void *bytes, gsize length, GError **error)
{
	for (gsize at = 0; at + sizeof(MARK) <= length; at += 512)
		marks += memcmp((const guint8 *)bytes + at, MARK, strlen(MARK)) == 0;
	return TRUE;
}

static void put_named(guint inode, guint name)
{
	g_autofree char *long_part = g_strnfill(30000, 'x');
	g_autofree char *path = g_strdup_printf("%s%u-%u", long_part, inode, name);
	VkEntry entry = entry_of(path, S_IFREG | 0644, strlen(MARK));

	entry.links = 2;
	entry.inode = inode;
	put(&entry);
	put_bytes(0, MARK);
}

/* Paths of 256 MiB: the names of further files have the bytes each. */
START_TEST(remembers_so_many_links_and_no_more)
{
	const guint last = (256 << 20) / 30000 + 1;

	begin(count_marks, "");
	put_new("", S_IFDIR | 0755, 0);
	for (guint i = 0; i <= last; i++)
		put_named(i, 0);
	put_named(0, 1);
	put_named(last, 1);
	ck_assert(vk_tar_writer_end(writer, NULL));
	ck_assert(vk_tar_writer_finish(writer, NULL));
	ck_assert_uint_eq(marks, last + 2);
}
END_TEST

static void put_link(const char *path, const char *target)
{
	g_autofree char *path_copy = g_strdup(path);
	g_autofree char *target_copy = g_strdup(target);
	VkEntry entry = entry_of(path_copy, S_IFLNK | 0777, 0);

	entry.target = target_copy;
	put(&entry);
}

/* What a hostile appliance sends to get through a link while the archive is unpacked. */
START_TEST(nothing_is_below_a_link)
{
	begin(collect, "top");
	put_new("", S_IFDIR | 0755, 0);
	put_link("a", "/etc");
	put_new("a/file", S_IFREG | 0644, 5);
	put_bytes(0, "hello");
	put_new("a/cron.d", S_IFDIR | 0755, 0);
	put_new("a/cron.d/x", S_IFREG | 0644, 0);
	put_new("b/x", S_IFREG | 0644, 0);
	put_new("c", S_IFREG | 0644, 0);
	read_back();
	expect_member("top/");
	expect_member("top/a");
	expect_member("top/c");
	expect_end();
	ck_assert_uint_eq(vk_tar_writer_count(writer)->failed, 4);
}
END_TEST

START_TEST(nothing_is_below_a_link_that_was_asked_for)
{
	begin(collect, "srv/a");
	put_link("", "/etc");
	put_new("x", S_IFREG | 0644, 0);
	put_new("", S_IFDIR | 0755, 0);
	put_new("x", S_IFREG | 0644, 0);
	vk_tar_writer_begin(writer, "srv/b");
	put_new("x", S_IFREG | 0644, 0);
	put_new("", S_IFDIR | 0755, 0);
	put_new("x", S_IFREG | 0644, 0);
	read_back();
	expect_member("srv/a");
	expect_member("srv/b/");
	expect_member("srv/b/x");
	expect_end();
	ck_assert_uint_eq(vk_tar_writer_count(writer)->failed, 4);
}
END_TEST

START_TEST(no_name_comes_twice)
{
	begin(collect, "");
	put_new("", S_IFDIR | 0755, 0);
	put_new("a", S_IFDIR | 0755, 0);
	put_link("a/l", "/etc");
	put_new("b", S_IFREG | 0644, 0);
	put_link("b", "/etc/passwd");
	put_new("a", S_IFDIR | 0755, 0);
	put_new("a/l", S_IFDIR | 0755, 0);
	put_new("a/l/x", S_IFREG | 0644, 0);
	put_new("l", S_IFDIR | 0755, 0);
	put_new("l/a", S_IFREG | 0644, 0);
	read_back();
	expect_member("./");
	expect_member("a/");
	expect_member("a/l");
	expect_member("b");
	expect_member("l/");
	expect_member("l/a");
	expect_end();
	ck_assert_uint_eq(vk_tar_writer_count(writer)->failed, 4);
}
END_TEST

START_TEST(attributes)
{
	const char *name;
	const void *value;
	size_t length;

	begin(collect, "file");
	put_new("", S_IFREG | 0644, 0);
	ck_assert(calls.attribute(calls.data, "user.a", (const guint8 *)"x\0y\n", 4, NULL));
	read_back();
	expect_member("file");
	archive_entry_xattr_reset(member);
	ck_assert_int_eq(archive_entry_xattr_next(member, &name, &value, &length), ARCHIVE_OK);
	ck_assert_str_eq(name, "user.a");
	ck_assert_uint_eq(length, 4);
	ck_assert_mem_eq(value, "x\0y\n", 4);
}
END_TEST

/* Holes take no room; a file of holes alone, and one with a hole at its end, have their sizes. */
START_TEST(holes)
{
	const guint64 gap = 5ull << 30;
	la_int64_t offset;
	const void *block;
	size_t length;

	begin(collect, "");
	put_new("", S_IFDIR | 0755, 0);
	put_new("sparse", S_IFREG | 0644, 2 * gap);
	ck_assert(calls.range(calls.data, 0, 4096, NULL));
	ck_assert(calls.range(calls.data, gap, 8192, NULL));
	put_bytes(0, "begin");
	put_bytes(gap + 4096, "end");
	put_new("nothing", S_IFREG | 0644, gap);
	ck_assert(calls.range(calls.data, 0, 0, NULL));
	put_new("after", S_IFREG | 0644, 5);
	put_bytes(0, "hello");
	read_back();
	ck_assert_uint_lt(written->len, 65536);
	expect_member("./");
	expect_member("sparse");
	ck_assert_int_eq(archive_entry_size(member), 2 * gap);
	ck_assert_int_eq(archive_read_data_block(archive, &block, &length, &offset), ARCHIVE_OK);
	ck_assert_int_eq(offset, 0);
	ck_assert_str_eq(block, "begin");
	do {
		ck_assert_int_eq(archive_read_data_block(archive, &block, &length, &offset),
				 ARCHIVE_OK);
	} while ((guint64)offset + length <= gap + 4096);
	ck_assert_str_eq((const char *)block + (gap + 4096 - (guint64)offset), "end");
	expect_member("nothing");
	ck_assert_int_eq(archive_entry_size(member), gap);
	expect_member("after");
	expect_bytes("hello", 5);
	expect_end();
}
END_TEST

START_TEST(a_file_has_a_bound)
{
	begin(collect, "");
	put_new("", S_IFDIR | 0755, 0);
	put_new("a", S_IFREG | 0644, (16ull << 40) + 1);
	ck_assert(calls.range(calls.data, 0, 5, NULL));
	put_bytes(0, "hello");
	put_new("b", S_IFREG | 0644, 5);
	put_bytes(0, "hello");
	read_back();
	expect_member("./");
	expect_member("b");
	expect_bytes("hello", 5);
	expect_end();
	ck_assert_uint_eq(vk_tar_writer_count(writer)->failed, 1);
}
END_TEST

START_TEST(zeros_can_be_interrupted)
{
	g_autoptr(GError) error = NULL;

	begin(collect, "file");
	put_new("", S_IFREG | 0644, 10ull << 30);
	ck_assert(calls.range(calls.data, 0, 0, NULL));
	vk_set_interrupted(TRUE);
	ck_assert(!vk_tar_writer_end(writer, &error));
	vk_set_interrupted(FALSE);
	ck_assert_ptr_nonnull(strstr(error->message, "interrupted"));
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
	begin(collect, "");
	put_new("", S_IFDIR | 0755, 0);
	put_new("none", S_IFREG | 0644, 5);
	calls.unread(calls.data, "none");
	put_new("half", S_IFREG | 0644, 10);
	put_bytes(0, "hello");
	calls.unread(calls.data, "half");
	put_new("directory", S_IFDIR | 0755, 0);
	calls.unread(calls.data, "directory");
	read_back();
	expect_member("./");
	expect_member("half");
	expect_bytes("hello\0\0\0\0\0", 10);
	expect_member("directory/");
	expect_end();
	ck_assert_uint_eq(vk_tar_writer_count(writer)->failed, 1);
}
END_TEST

START_TEST(the_output_fails)
{
	static const guint8 zeros[65536];
	g_autoptr(GError) error = NULL;

	begin(refuse, "file");
	put_new("", S_IFREG | 0644, sizeof(zeros));
	ck_assert(!calls.bytes(calls.data, 0, zeros, sizeof(zeros), &error) ||
		  !vk_tar_writer_end(writer, &error));
	ck_assert_str_eq(error->message, "no room");
}
END_TEST

/* Nobody takes for whole what is not. */
START_TEST(an_archive_without_an_end)
{
	begin(collect, "file");
	put_new("", S_IFREG | 0644, 100);
	put_bytes(0, "hello");
	g_clear_pointer(&writer, vk_tar_writer_free);
	archive = archive_read_new();
	archive_read_support_format_tar(archive);
	if (archive_read_open_memory(archive, written->data, written->len) == ARCHIVE_OK &&
	    archive_read_next_header(archive, &member) == ARCHIVE_OK)
		ck_assert_int_lt(archive_read_data_skip(archive), ARCHIVE_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tar-writer");
	TCase *cases = tcase_create("tar-writer");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, a_tree);
	tcase_add_test(cases, names_are_bytes);
	tcase_add_test(cases, hard_links);
	tcase_add_test(cases, remembers_so_many_links_and_no_more);
	tcase_add_test(cases, nothing_is_below_a_link);
	tcase_add_test(cases, nothing_is_below_a_link_that_was_asked_for);
	tcase_add_test(cases, no_name_comes_twice);
	tcase_add_test(cases, attributes);
	tcase_add_test(cases, holes);
	tcase_add_test(cases, a_file_has_a_bound);
	tcase_add_test(cases, zeros_can_be_interrupted);
	tcase_add_test(cases, files_that_cannot_be_read);
	tcase_add_test(cases, the_output_fails);
	tcase_add_test(cases, an_archive_without_an_end);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
