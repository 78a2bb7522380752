/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the settings become rules. */
#include "errors.h"
#include "keep-rules.h"

#include <check.h>
#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"

static VkKeepRules *load(const char *text, const char *guest, GError **error)
{
	g_autoptr(VkSettings) settings = vk_settings_parse(text, strlen(text), "test.conf", error);

	return settings ? vk_keep_rules_load(settings, guest, UUID, error) : NULL;
}

static void assert_refused(const char *text, const char *guest, const char *named)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkKeepRules) rules = load(text, guest, &error);

	ck_assert_msg(!rules, "%s", text);
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	ck_assert_msg(strstr(error->message, named) != NULL, "%s: %s", text, error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

START_TEST(all_rules)
{
	g_autoptr(VkKeepRules) rules = load("[retention]\n"
					    "keep_last = 1\n"
					    "keep_hourly = 2\n"
					    "keep_daily = 3\n"
					    "keep_weekly = 4\n"
					    "keep_monthly = 5\n"
					    "keep_yearly = 6\n"
					    "keep_within = 1y2m3w4d5h\n"
					    "keep_min = 7\n"
					    "keep_gone = 90d\n",
					    "web1", NULL);

	ck_assert_ptr_nonnull(rules);
	for (VkKeepCount i = 0; i < VK_KEEP_COUNTS; i++)
		ck_assert_uint_eq(rules->counts[i], i + 1);
	ck_assert_uint_eq(rules->min, 7);
	ck_assert_int_eq(rules->within.years, 1);
	ck_assert_int_eq(rules->within.months, 2);
	ck_assert_int_eq(rules->within.weeks, 3);
	ck_assert_int_eq(rules->within.days, 4);
	ck_assert_int_eq(rules->within.hours, 5);
	ck_assert_int_eq(rules->gone.days, 90);
	ck_assert_ptr_null(rules->labels);
}
END_TEST

/* Each rule of the guest's section stands in place of that of all. */
START_TEST(a_guest_has_its_own)
{
	static const char text[] = "[retention]\nkeep_daily = 7\nkeep_weekly = 4\n"
				   "[guest db1]\nkeep_daily = 30\n"
				   "[guest " UUID "]\nkeep_weekly = 0\n";
	g_autoptr(VkKeepRules) db1 = load(text, "db1", NULL);

	ck_assert_ptr_nonnull(db1);
	ck_assert_uint_eq(db1->counts[VK_KEEP_DAILY], 30);
	ck_assert_uint_eq(db1->counts[VK_KEEP_WEEKLY], 0);
}
END_TEST

START_TEST(what_keeps_nothing_is_refused)
{
	assert_refused("", "web1", "'web1' keeps nothing");
	assert_refused("[retention]\nkeep_last = 0\nkeep_within = 0d\n", "web1", "'test.conf'");
	assert_refused("[retention]\nkeep_gone = 90d\n", "web1", "keeps nothing");
	assert_refused("[retention]\nkeep_last = 3\n[guest web1]\nkeep_last = 0\n", "web1",
		       "'web1'");
}
END_TEST

START_TEST(mistakes_are_refused)
{
	assert_refused("[retention]\n\nkeep_last = -1\n", "g",
		       "'test.conf', line 3: [retention] keep_last: must be a whole number");
	assert_refused("[retention]\nkeep_fortnightly = 1\n", "g",
		       "line 2: [retention] keep_fortnightly: unknown setting; [retention] has "
		       "keep_last,");
	assert_refused("[guest g]\nkeep_within = 14\n", "g", "[guest g] keep_within: must be a");
	assert_refused("[retention]\nkeep_within = -3d\n", "g", "'-3d'");
	assert_refused("[retention]\nkeep_within = 3d1y\n", "g", "'3d1y'");
	assert_refused("[retention]\nkeep_within = \n", "g", "keep_within");
	assert_refused("[retention]\nkeep_gone = 99999d\n", "g", "'99999d'");
	assert_refused("[retention]\ntimezone = Mars/Olympus\n", "g", "'Mars/Olympus'");
	assert_refused("[retention]\nsnapcreator = Y\n", "g", "'yes' or 'no'");
}
END_TEST

START_TEST(labels_when_told_so)
{
	static const char arrays[] = "[array]\nNTAP_SNAPSHOT_RETENTIONS = daily:7\n"
				     "NTAP_SNAPSHOT_RETENTION_AGE = 5\n";
	g_autofree char *with = g_strconcat(arrays, "[retention]\nsnapcreator = yes\n", NULL);
	g_autofree char *never =
		g_strconcat("[array]\nNTAP_SNAPSHOT_NODELETE = Y\n", arrays + strlen("[array]\n"),
			    "[retention]\nsnapcreator = yes\n", NULL);
	g_autoptr(VkKeepRules) rules = load(with, "web1", NULL);
	g_autoptr(VkKeepRules) all = load(never, "web1", NULL);

	assert_refused(arrays, "web1", "keeps nothing");
	ck_assert_uint_eq(rules->labels->len, 1);
	ck_assert_uint_eq(rules->age_days, 5);
	/* Without a number for any label, all is kept. */
	ck_assert_uint_eq(all->labels->len, 0);
}
END_TEST

START_TEST(durations_in_words)
{
	VkDuration duration;
	g_autofree char *words = NULL;

	ck_assert(vk_duration_parse("1y6m2w3d12h", &duration, NULL));
	words = vk_duration_words(&duration);
	ck_assert_str_eq(words, "1y6m2w3d12h");
	ck_assert(!vk_duration_is_zero(&duration));
	ck_assert(vk_duration_parse("0d", &duration, NULL));
	ck_assert(vk_duration_is_zero(&duration));
	ck_assert(!vk_duration_parse("14d\n", &duration, NULL));
	ck_assert(!vk_duration_parse("14 d", &duration, NULL));
	ck_assert(!vk_duration_parse("\xff", &duration, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keep-rules");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, all_rules);
	tcase_add_test(cases, a_guest_has_its_own);
	tcase_add_test(cases, what_keeps_nothing_is_refused);
	tcase_add_test(cases, mistakes_are_refused);
	tcase_add_test(cases, labels_when_told_so);
	tcase_add_test(cases, durations_in_words);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
