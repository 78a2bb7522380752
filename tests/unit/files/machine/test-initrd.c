/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The archive that the appliance's kernel unpacks, read back. */
#include "initrd.h"

#include "errors.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "/proc/self/exe"

/* What an archive of PROGRAM and the file FILE is; FILE is NULL for none. */
static int make(const char *file)
{
	g_autoptr(VkInitrd) initrd = vk_initrd_new(PROGRAM, NULL);

	ck_assert_ptr_nonnull(initrd);
	ck_assert(!file || vk_initrd_add(initrd, file, "text", 4, NULL));
	return vk_initrd_end(initrd, NULL);
}

static struct archive *open_archive(int fd)
{
	struct archive *archive = archive_read_new();

	archive_read_support_format_cpio(archive);
	ck_assert_int_eq(archive_read_open_fd(archive, fd, 10240), ARCHIVE_OK);
	return archive;
}

static gsize expect_entry(struct archive *archive, const char *path, mode_t mode)
{
	struct archive_entry *entry;

	ck_assert_int_eq(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	ck_assert_str_eq(archive_entry_pathname(entry), path);
	ck_assert_uint_eq(archive_entry_mode(entry), mode);
	return (gsize)archive_entry_size(entry);
}

static void expect_end(struct archive *archive)
{
	struct archive_entry *entry;

	ck_assert_int_eq(archive_read_next_header(archive, &entry), ARCHIVE_EOF);
	archive_read_free(archive);
}

START_TEST(its_first_file_is_a_program)
{
	g_autofree char *expected = NULL;
	g_autofree char *read = NULL;
	int fd = make(NULL);
	struct archive *archive = open_archive(fd);
	gsize length;

	ck_assert(g_file_get_contents(PROGRAM, &expected, &length, NULL));
	ck_assert_uint_eq(expect_entry(archive, "init", 0100755), length);
	read = g_malloc(length);
	ck_assert_int_eq(archive_read_data(archive, read, length), (la_ssize_t)length);
	ck_assert_mem_eq(read, expected, length);
	expect_end(archive);
	close(fd);
}
END_TEST

START_TEST(a_file_comes_behind_its_directories)
{
	int fd = make("usr/lib/file");
	struct archive *archive = open_archive(fd);

	expect_entry(archive, "init", 0100755);
	expect_entry(archive, "usr", 040755);
	expect_entry(archive, "usr/lib", 040755);
	ck_assert_uint_eq(expect_entry(archive, "usr/lib/file", 0100755), 4);
	expect_end(archive);
	close(fd);
}
END_TEST

static void expect_file(struct archive *archive, const char *path)
{
	struct archive_entry *entry;
	char text[8];

	do
		ck_assert_int_eq(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	while (strcmp(archive_entry_pathname(entry), path) != 0);
	ck_assert_uint_eq(archive_entry_mode(entry), 0100555);
	ck_assert_int_eq(archive_read_data(archive, text, sizeof(text)), 4);
	ck_assert_mem_eq(text, "text", 4);
}

START_TEST(a_disc_has_names_of_any_form)
{
	g_autoptr(VkInitrd) disc = vk_initrd_new_disc(NULL);
	struct archive *archive = archive_read_new();
	int fd;

	ck_assert(vk_initrd_add(disc, "usr/lib/Long-name_of.so.1.2.3", "text", 4, NULL));
	fd = vk_initrd_end(disc, NULL);
	archive_read_support_format_iso9660(archive);
	ck_assert_int_eq(archive_read_open_fd(archive, fd, 10240), ARCHIVE_OK);
	expect_file(archive, "usr/lib/Long-name_of.so.1.2.3");
	archive_read_free(archive);
	close(fd);
}
END_TEST

START_TEST(nobody_can_change_it)
{
	int fd = make(NULL);

	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	close(fd);
}
END_TEST

START_TEST(the_program_may_be_missing)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_initrd_new("/no-such-program", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("initrd");
	TCase *cases = tcase_create("initrd");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, its_first_file_is_a_program);
	tcase_add_test(cases, a_file_comes_behind_its_directories);
	tcase_add_test(cases, a_disc_has_names_of_any_form);
	tcase_add_test(cases, nobody_can_change_it);
	tcase_add_test(cases, the_program_may_be_missing);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
