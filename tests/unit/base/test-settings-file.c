/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"
#include "settings-file.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory, *path;

static void setup(void)
{
	directory = temp_directory_new();
	path = g_build_filename(directory, "virtkeep.conf", NULL);
}

static void teardown(void)
{
	temp_directory_remove(directory);
	g_free(directory);
	g_free(path);
}

static gboolean set(const char *value)
{
	g_autoptr(GError) error = NULL;
	gboolean changed = FALSE;

	vk_settings_file_set(path, "host h", "MAP", value, &changed, &error);
	g_assert_no_error(error);
	return changed;
}

static void put(const char *text)
{
	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void expect(const char *expected)
{
	g_autofree char *text = NULL;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	ck_assert_str_eq(text, expected);
}

static void expect_alone(void)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);

	ck_assert_str_eq(g_dir_read_name(dir), "virtkeep.conf");
	ck_assert_ptr_null(g_dir_read_name(dir));
}

START_TEST(rest_stays_byte_for_byte)
{
	static const struct {
		const char *before, *after;
	} files[] = {
		/* replaced, whatever surrounds it */
		{"# top\n\n[a]\nMAP=1 # no comment\n\n# h\n[host h]\n# of MAP\n MAP\t=  old \n#MAP "
		 "= "
		 "x\n\n[b]\nMAP=2",
		 "# top\n\n[a]\nMAP=1 # no comment\n\n# h\n[host h]\n# of MAP\n MAP\t=  "
		 "a\\\\b\n#MAP = x\n\n[b]\nMAP=2"},
		{"[host h]\nMAP=old", "[host h]\nMAP=a\\\\b"},
		{"[host h]\nMAP=\n", "[host h]\nMAP=a\\\\b\n"},
		{"[host h]\r\nMAP = old\r\nMAP2 = c\r\n",
		 "[host h]\r\nMAP = a\\\\b\r\nMAP2 = c\r\n"},
		/* the last of several counts */
		{"[host h]\nMAP=1\nMAP=2\n[b]\n[host h]\nMAP=3\nx=y\n",
		 "[host h]\nMAP=1\nMAP=2\n[b]\n[host h]\nMAP=a\\\\b\nx=y\n"},
		/* added to the group */
		{"[host h]\nx=y\n# end\n\n\n# of b\n[b]\nMAP=1\n",
		 "[host h]\nx=y\nMAP = a\\\\b\n# end\n\n\n# of b\n[b]\nMAP=1\n"},
		{"[host h] \n\n[host h2]\nMAP=1\n",
		 "[host h] \nMAP = a\\\\b\n\n[host h2]\nMAP=1\n"},
		{"[host h]\r\nx=y", "[host h]\r\nx=y\r\nMAP = a\\\\b\r\n"},
		/* added with its group */
		{"[b]\nMAP=1", "[b]\nMAP=1\n\n[host h]\nMAP = a\\\\b\n"},
		{"# [host h]\n[host hh]\n", "# [host h]\n[host hh]\n\n[host h]\nMAP = a\\\\b\n"},
		{"", "[host h]\nMAP = a\\\\b\n"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		put(files[i].before);
		ck_assert(set("a\\b"));
		expect(files[i].after);
		ck_assert(!set("a\\b"));
		expect(files[i].after);
	}
	expect_alone();
}
END_TEST

START_TEST(mode_and_owner_are_kept)
{
	struct stat info;

	put("[host h]\n");
	ck_assert_int_eq(chmod(path, 0640), 0);
	if (getuid() == 0)
		ck_assert_int_eq(chown(path, 12, 34), 0);
	ck_assert(set("x"));
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_int_eq(info.st_mode & 07777, 0640);
	if (getuid() == 0) {
		ck_assert_int_eq(info.st_uid, 12);
		ck_assert_int_eq(info.st_gid, 34);
	}
}
END_TEST

START_TEST(same_value_writes_nothing)
{
	struct stat before, after;

	put("[host h]\nMAP=x\n");
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert(!set("x"));
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

START_TEST(links_are_followed)
{
	g_autofree char *target = g_build_filename(directory, "real.conf", NULL);
	struct stat info;

	put("");
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink("real.conf", path), 0);
	ck_assert(set("x"));
	ck_assert_int_eq(lstat(path, &info), 0);
	ck_assert(S_ISLNK(info.st_mode));
	expect("[host h]\nMAP = x\n");
}
END_TEST

START_TEST(absent_file_is_made)
{
	ck_assert(set("x"));
	expect("[host h]\nMAP = x\n");
	expect_alone();
}
END_TEST

START_TEST(odd_files_are_left_alone)
{
	static const char *const texts[] = {"MAP=x\n", "[host h]\nno key\n", "[host h]x\n"};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		gboolean changed;

		put(texts[i]);
		ck_assert(!vk_settings_file_set(path, "host h", "MAP", "y", &changed, &error));
		ck_assert_ptr_nonnull(strstr(error->message, path));
		expect(texts[i]);
	}
	expect_alone();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings-file");
	TCase *cases = tcase_create("settings-file");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, rest_stays_byte_for_byte);
	tcase_add_test(cases, mode_and_owner_are_kept);
	tcase_add_test(cases, same_value_writes_nothing);
	tcase_add_test(cases, links_are_followed);
	tcase_add_test(cases, absent_file_is_made);
	tcase_add_test(cases, odd_files_are_left_alone);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
