/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is near enough to have been meant. */
#include "suggest.h"

#include <check.h>
#include <stdlib.h>

static char *suggest(const char *word)
{
	static const char *const names[] = {"backup", "list", "restore", "web1", "web2", "db"};
	VkSuggest *suggestion = vk_suggest_new(word);

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		vk_suggest_offer(suggestion, names[i]);
	return vk_suggest_end(suggestion);
}

START_TEST(the_nearest_is_suggested)
{
	static const char *const words[][2] = {
		{"bakcup", "; did you mean 'backup'?"},
		{"BACKUP", "; did you mean 'backup'?"},
		{"lsit", "; did you mean 'list'?"},
		{"resore", "; did you mean 'restore'?"},
		{"we1", "; did you mean 'web1'?"},
		{"rest", "; did you mean 'restore'?"},
		{"snapshots", ""},
		{"x", ""},
		{"", ""},
		{"forget", ""},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *text = suggest(words[i][0]);

		ck_assert_str_eq(text, words[i][1]);
	}
}
END_TEST

START_TEST(long_names_are_passed_over)
{
	g_autofree char *name = g_strnfill(300, 'a');
	g_autofree char *text = suggest(name);
	VkSuggest *suggestion = vk_suggest_new("aaa");

	ck_assert_str_eq(text, "");
	vk_suggest_offer(suggestion, name);
	g_free(vk_suggest_end(suggestion));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("suggest");
	TCase *tcase = tcase_create("suggest");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, the_nearest_is_suggested);
	tcase_add_test(tcase, long_names_are_passed_over);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
