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

START_TEST(its_one_file_is_a_program)
{
	g_autofree char *expected = NULL;
	g_autofree char *read = NULL;
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int fd = vk_initrd_make("/proc/self/exe", NULL);
	gsize length;

	ck_assert(g_file_get_contents("/proc/self/exe", &expected, &length, NULL));
	archive_read_support_format_cpio(archive);
	ck_assert_int_eq(archive_read_open_fd(archive, fd, 10240), ARCHIVE_OK);
	ck_assert_int_eq(archive_read_next_header(archive, &entry), ARCHIVE_OK);
	ck_assert_str_eq(archive_entry_pathname(entry), "init");
	ck_assert_uint_eq(archive_entry_mode(entry), 0100755);
	ck_assert_uint_eq((gsize)archive_entry_size(entry), length);
	read = g_malloc(length);
	ck_assert_int_eq(archive_read_data(archive, read, length), (la_ssize_t)length);
	ck_assert_mem_eq(read, expected, length);
	ck_assert_int_eq(archive_read_next_header(archive, &entry), ARCHIVE_EOF);
	archive_read_free(archive);
	close(fd);
}
END_TEST

START_TEST(nobody_can_change_it)
{
	int fd = vk_initrd_make("/proc/self/exe", NULL);

	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	close(fd);
}
END_TEST

START_TEST(the_program_may_be_missing)
{
	g_autoptr(GError) error = NULL;

	ck_assert_int_eq(vk_initrd_make("/no-such-program", &error), -1);
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("initrd");
	TCase *cases = tcase_create("initrd");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, its_one_file_is_a_program);
	tcase_add_test(cases, nobody_can_change_it);
	tcase_add_test(cases, the_program_may_be_missing);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
