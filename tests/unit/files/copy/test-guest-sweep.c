/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What copies that were killed have left in a guest. */
#include "guest-bed.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <utime.h>

/* A part of a file, that is in the directory or in a directory of the copy. */
typedef struct Part {
	const char *directory, *file; /* FILE: NULL for none */
	gboolean is_old, stays;
} Part;

static const Part parts[] = {
	{".virtkeep-0123456789abcdef", ".virtkeep-0123456789abcdef", TRUE, FALSE},
	/* What another copy may be writing. */
	{".virtkeep-fedcba9876543210", ".virtkeep-fedcba9876543210", FALSE, TRUE},
	/* What only looks like one. */
	{".virtkeep-0000000000000000", "data", TRUE, TRUE},
	{".virtkeep-1111111111111111", NULL, TRUE, FALSE},
};

static void age(const char *path)
{
	struct utimbuf old = {.actime = BED_TIME, .modtime = BED_TIME};

	ck_assert_int_eq(g_utime(path, &old), 0);
}

static void leave(const char *top, const Part *part)
{
	g_autofree char *path = g_build_filename(top, part->directory, NULL);

	ck_assert_int_eq(g_mkdir(path, 0700), 0);
	if (part->file) {
		g_autofree char *file = g_build_filename(path, part->file, NULL);

		ck_assert(g_file_set_contents(file, "part", -1, NULL));
		if (part->is_old)
			age(file);
	}
	if (part->is_old)
		age(path);
}

/* In the directory to copy to, and in one that the copy enters. */
START_TEST(what_a_killed_copy_left_is_removed)
{
	g_autofree char *top = bed_place(_i ? "top" : "");

	if (_i)
		ck_assert_int_eq(g_mkdir(top, 0755), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
		leave(top, &parts[i]);
	bed_begin(FALSE);
	if (_i)
		bed_entry("", S_IFDIR | 0755, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *path = g_build_filename(top, parts[i].directory, NULL);

		ck_assert_msg(g_file_test(path, G_FILE_TEST_EXISTS) == parts[i].stays, "'%s'",
			      parts[i].directory);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest-sweep");
	TCase *cases = tcase_create("guest-sweep");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, bed_set_up, bed_tear_down);
	tcase_add_loop_test(cases, what_a_killed_copy_left_is_removed, 0, 2);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
