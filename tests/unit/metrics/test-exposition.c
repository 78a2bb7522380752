/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exposition.h"

#include <check.h>
#include <stdlib.h>

START_TEST(values_and_labels)
{
	g_autoptr(VkExposition) exposition = vk_exposition_new();

	vk_exposition_begin(exposition, "virtkeep_one", "The first.");
	vk_exposition_add(exposition, 1796000000, NULL);
	vk_exposition_begin(exposition, "virtkeep_two_bytes", "The second.");
	vk_exposition_add(exposition, 0.25, "guest", "a", NULL);
	vk_exposition_add(exposition, 123456789012345, "guest", "b", "uuid", "c", NULL);
	ck_assert_str_eq(vk_exposition_text(exposition),
			 "# HELP virtkeep_one The first.\n"
			 "# TYPE virtkeep_one gauge\n"
			 "virtkeep_one 1796000000\n"
			 "# HELP virtkeep_two_bytes The second.\n"
			 "# TYPE virtkeep_two_bytes gauge\n"
			 "virtkeep_two_bytes{guest=\"a\"} 0.25\n"
			 "virtkeep_two_bytes{guest=\"b\",uuid=\"c\"} 123456789012345\n");
}
END_TEST

START_TEST(no_value_no_trace)
{
	g_autoptr(VkExposition) exposition = vk_exposition_new();

	vk_exposition_begin(exposition, "virtkeep_one", "The first.");
	vk_exposition_begin(exposition, "virtkeep_two", "The second.");
	ck_assert_str_eq(vk_exposition_text(exposition), "");
}
END_TEST

START_TEST(labels_are_escaped)
{
	g_autoptr(VkExposition) exposition = vk_exposition_new();

	vk_exposition_begin(exposition, "virtkeep_one", "The first.");
	vk_exposition_add(exposition, 0, "guest", "a\"b\\c", NULL);
	/* A line feed must not begin another line, whoever chose the name. */
	vk_exposition_add(exposition, 0, "guest", "x\nvirtkeep_two 1", NULL);
	vk_exposition_add(exposition, 0, "guest", "\xff", NULL);
	ck_assert_str_eq(vk_exposition_text(exposition),
			 "# HELP virtkeep_one The first.\n"
			 "# TYPE virtkeep_one gauge\n"
			 "virtkeep_one{guest=\"a\\\"b\\\\c\"} 0\n"
			 "virtkeep_one{guest=\"x\\\\nvirtkeep_two 1\"} 0\n"
			 "virtkeep_one{guest=\"\\\\xff\"} 0\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exposition");
	TCase *tcase = tcase_create("exposition");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, values_and_labels);
	tcase_add_test(tcase, no_value_no_trace);
	tcase_add_test(tcase, labels_are_escaped);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
