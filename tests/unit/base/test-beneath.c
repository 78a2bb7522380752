/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths below an open directory do not lead out of it. */
#include "io.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *folder;

static void set_up(void)
{
	folder = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
}

static void tear_down(void)
{
	g_rmdir(folder);
	g_free(folder);
}

/* Opens NAME below FOLDER. Returns 0, or the errno. */
static int open_below(const char *name)
{
	VK_AUTOFD directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	VK_AUTOFD fd = vk_io.openat(directory, name, O_RDONLY | O_CLOEXEC, 0);

	return fd < 0 ? errno : 0;
}

START_TEST(a_path_below_a_directory_stays_in_it)
{
	VK_AUTOFD directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autofree char *link = g_build_filename(folder, "one/link", NULL);
	g_autofree char *through = g_build_filename(folder, "one/link/two", NULL);

	ck_assert_int_eq(vk_io.mkdirat(directory, "one", 0700), 0);
	ck_assert_int_eq(vk_io.mkdirat(directory, "one/two/", 0700), 0);
	ck_assert_int_eq(symlink(".", link), 0);
	ck_assert_int_eq(open_below("one//two/"), 0);
	ck_assert_int_eq(open_below("one/three"), ENOENT);
	ck_assert_int_eq(open_below("one/link/two"), ELOOP);
	ck_assert_int_eq(open_below("one/link"), ELOOP);
	ck_assert_int_eq(open_below("one/link/"), ELOOP);
	ck_assert_int_eq(open_below("one/../one"), EXDEV);
	ck_assert_int_eq(vk_io.unlinkat(directory, "one/link/two", AT_REMOVEDIR), -1);
	ck_assert_int_eq(vk_io.renameat2(directory, "one/two", directory, "one/link/2", 0), -1);
	ck_assert_int_eq(vk_io.renameat2(directory, "one/link/two", directory, "one/2", 0), -1);
	ck_assert_int_eq(vk_io.mkdirat(directory, "one/link/2", 0700), -1);
	/* Who names the whole path knows where it leads. */
	ck_assert_int_eq(vk_io.unlinkat(AT_FDCWD, through, AT_REMOVEDIR), 0);
	ck_assert_int_eq(vk_io.unlinkat(directory, "one/link", 0), 0);
	ck_assert_int_eq(vk_io.unlinkat(directory, "one", AT_REMOVEDIR), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("beneath");
	TCase *tcase = tcase_create("beneath");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_path_below_a_directory_stays_in_it);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
