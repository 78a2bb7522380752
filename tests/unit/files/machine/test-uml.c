/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On which hosts User-mode Linux runs. */
#include "uml.h"

#include "errors.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>

static char *directory;
static char *scope; /* a file as that of Yama */

static void set_up(void)
{
	directory = temp_directory_new();
	scope = g_build_filename(directory, "ptrace_scope", NULL);
}

static void tear_down(void)
{
	temp_directory_remove(directory);
	g_free(directory);
	g_free(scope);
}

START_TEST(a_host_without_yama)
{
	ck_assert(vk_uml_may_trace(scope, NULL));
}
END_TEST

static gboolean may_trace(const char *text, GError **error)
{
	ck_assert(g_file_set_contents(scope, text, -1, NULL));
	return vk_uml_may_trace(scope, error);
}

START_TEST(children_may_be_traced)
{
	ck_assert(may_trace("0\n", NULL));
	ck_assert(may_trace("1\n", NULL));
}
END_TEST

START_TEST(nothing_may_be_traced_without_rights)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!may_trace("3\n", NULL));
	ck_assert(!may_trace("2\n", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_str_eq(error->message,
			 "the host's kernel.yama.ptrace_scope is 2, and User-mode Linux needs 0 "
			 "or 1: set 'appliance = qemu'");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uml");
	TCase *cases = tcase_create("uml");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_host_without_yama);
	tcase_add_test(cases, children_may_be_traced);
	tcase_add_test(cases, nothing_may_be_traced_without_rights);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
