/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timestamp.h"
#include "when.h"

#include "errors.h"

#include <check.h>

START_TEST(times_go_there_and_back)
{
	static const gint64 seconds[] = {0, 951782399, 951782400, 1795378445, 4102444800};

	for (gsize i = 0; i < G_N_ELEMENTS(seconds); i++) {
		g_autofree char *text = vk_time_format(seconds[i]);
		gint64 parsed = -1;

		ck_assert(vk_time_parse(text, &parsed, NULL));
		ck_assert_int_eq(parsed, seconds[i]);
	}
	g_autofree char *text = vk_time_format(1795378445);
	ck_assert_str_eq(text, "20261122T201405Z");
}
END_TEST

START_TEST(other_times_are_refused)
{
	static const char *const texts[] = {
		"",
		"latest",
		"20261122T201405",
		"20261122T201405z",
		"20261122 201405Z",
		"20260229T000000Z",
		"20261301T000000Z",
		"20261122T241405Z",
		"2026112T2201405Z",
		"20261122T201405Z ",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		gint64 seconds;

		ck_assert_msg(!vk_time_parse(texts[i], &seconds, &error), "%s", texts[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	}
}
END_TEST

START_TEST(names_are_split)
{
	static const struct {
		const char *text, *guest, *time; /* NULL: refused */
	} names[] = {
		{"web", "web", "latest"},
		{"web@latest", "web", "latest"},
		{"a@b@20261122T201405Z", "a@b", "20261122T201405Z"},
		{"web@yesterday", "web", "yesterday"},
		{"web@2026-11-28 07:30", "web", "2026-11-28 07:30"},
		{"web@-1", "web", "-1"},
		{"web@tomorrow", NULL, NULL},
		{"web@", NULL, NULL},
		{"@latest", NULL, NULL},
		{"", NULL, NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *guest = NULL, *time = NULL;
		gboolean done = vk_snapshot_name_parse(names[i].text, &guest, &time, NULL);

		ck_assert_int_eq(done, names[i].guest != NULL);
		ck_assert_pstr_eq(guest, names[i].guest);
		ck_assert_pstr_eq(time, names[i].time);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timestamp");
	TCase *cases = tcase_create("timestamp");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, times_go_there_and_back);
	tcase_add_test(cases, other_times_are_refused);
	tcase_add_test(cases, names_are_split);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
