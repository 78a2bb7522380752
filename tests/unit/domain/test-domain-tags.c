/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tags in the definition of a guest, as people may have written them, too. */
#include "domain-tags.h"

#include "errors.h"

#include <check.h>

START_TEST(tags_are_read)
{
	static const struct {
		const char *xml, *tags;
	} rows[] = {
		{"<tags>gold nightly</tags>", "gold nightly"},
		{"<tags>\n  gold\n\tgold  x.y_z-1 </tags>", "gold x.y_z-1"},
		{"<tags/>", ""},
		{"<tags>a&lt;b --all -x 0123456789012345678901234567890 ok "
		 "01234567890123456789012345678901 \xc3\xa4</tags>",
		 "0123456789012345678901234567890 ok"},
		{"<other>gold</other>", ""},
		{"<!DOCTYPE tags [<!ENTITY x 'y'>]><tags>&x;</tags>", ""},
		{"<tags>gold", ""},
		{"", ""},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(GStrv) tags = vk_tags_parse(rows[i].xml);
		g_autofree char *words = g_strjoinv(" ", tags);

		ck_assert_str_eq(words, rows[i].tags);
	}
}
END_TEST

START_TEST(tags_are_bounded)
{
	g_autoptr(GString) xml = g_string_new("<tags>");
	g_auto(GStrv) tags = NULL;

	for (guint i = 0; i < VK_TAGS_MAX + 5; i++)
		g_string_append_printf(xml, " t%u", i);
	g_string_append(xml, "</tags>");
	tags = vk_tags_parse(xml->str);
	ck_assert_uint_eq(g_strv_length(tags), VK_TAGS_MAX);
}
END_TEST

START_TEST(tags_go_there_and_back)
{
	const char *const tags[] = {"gold", "x.y", NULL};
	g_autofree char *xml = vk_tags_format(tags);
	g_auto(GStrv) read = vk_tags_parse(xml);

	ck_assert_str_eq(xml, "<tags>gold x.y</tags>");
	ck_assert(g_strv_equal((const char *const *)read, tags));
}
END_TEST

START_TEST(other_words_are_refused)
{
	static const char *const words[] = {"",    "two words", "-x",
					    "a<b", "a,b",       "01234567890123456789012345678901"};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!vk_tag_check(words[i], &error), "%s", words[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	}
	ck_assert(vk_tag_check("Nightly_2.0-x", NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("domain-tags");
	TCase *cases = tcase_create("domain-tags");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, tags_are_read);
	tcase_add_test(cases, tags_are_bounded);
	tcase_add_test(cases, tags_go_there_and_back);
	tcase_add_test(cases, other_words_are_refused);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
