/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a copy may write. */
#include "copy-budget.h"

#include "errors.h"
#include "io.h"
#include "temp-vault.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char *directory;
static int root;
static struct statvfs fs;

static void set_up(void)
{
	directory = temp_directory_new();
	root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(fstatvfs(root, &fs), 0);
}

static void tear_down(void)
{
	close(root);
	temp_directory_remove(directory);
	g_free(directory);
}

START_TEST(what_does_not_fit_is_refused)
{
	const VkCopySum large = {.bytes = G_MAXUINT64 / 2};
	const VkCopySum many = {.entries = G_MAXUINT64};
	g_autoptr(GError) error = NULL;
	VkCopyBudget budget;

	ck_assert(!vk_copy_budget_set(&budget, root, "here", &large, &error));
	ck_assert_int_eq(error->code, VK_ERROR_FAILED);
	ck_assert_ptr_nonnull(strstr(error->message, "'here' has only"));
	if (fs.f_files == 0)
		return;
	g_clear_error(&error);
	ck_assert(!vk_copy_budget_set(&budget, root, "here", &many, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "inodes"));
}
END_TEST

/* More than was announced is taken as long as there is a rest for others. */
START_TEST(a_rest_is_kept)
{
	const VkCopySum sum = {.bytes = 1000, .entries = 1};
	VkCopyBudget budget;
	guint64 there;

	ck_assert(vk_copy_budget_set(&budget, root, "here", &sum, NULL));
	there = budget.bytes;
	ck_assert_uint_lt(there, (guint64)fs.f_frsize * fs.f_bfree);
	ck_assert_uint_eq(budget.awaited, 1000);
	ck_assert(vk_copy_budget_take(&budget, 600, 1));
	ck_assert_uint_eq(budget.awaited, 400);
	ck_assert(vk_copy_budget_take(&budget, there / 2, 0));
	ck_assert_uint_eq(budget.awaited, 0);
	ck_assert_uint_le(budget.bytes, there / 2);
	ck_assert(!vk_copy_budget_take(&budget, there / 2 + 1, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("copy-budget");
	TCase *cases = tcase_create("copy-budget");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_does_not_fit_is_refused);
	tcase_add_test(cases, a_rest_is_kept);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
