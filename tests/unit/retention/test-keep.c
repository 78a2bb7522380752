/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a policy keeps: by the calendar, where clocks change, and where dates cannot be true. */
#include "keep.h"
#include "retention.h"
#include "timestamp.h"

#include <check.h>
#include <string.h>

#define DAY ((gint64)24 * 60 * 60)

#define ITEMS_MAX 64

static VkKeepRules rules;
static VkKeepItem items[ITEMS_MAX];
static guint count;
static VkKeepFacts facts;
static GPtrArray *decision;

static gint64 at(const char *time)
{
	gint64 seconds = 0;

	ck_assert_msg(vk_time_parse(time, &seconds, NULL), "%s", time);
	return seconds;
}

static void setup(void)
{
	rules = (VkKeepRules){0};
	memset(items, 0, sizeof(items));
	count = 0;
	facts = (VkKeepFacts){.now = at("20300101T000000Z"), .zone = g_time_zone_new_utc()};
	decision = NULL;
}

static void teardown(void)
{
	g_clear_pointer(&rules.labels, g_ptr_array_unref);
	g_clear_pointer(&decision, g_ptr_array_unref);
	g_time_zone_unref(facts.zone);
}

static void set_zone(const char *name)
{
	g_time_zone_unref(facts.zone);
	facts.zone = g_time_zone_new_identifier(name);
	ck_assert_ptr_nonnull(facts.zone);
}

static VkKeepItem *add(const char *time)
{
	ck_assert_uint_lt(count, ITEMS_MAX);
	items[count].taken = at(time);
	return &items[count++];
}

static void add_all(const char *times)
{
	g_auto(GStrv) list = g_strsplit(times, " ", -1);

	for (char **time = list; *time; time++)
		add(*time);
}

static void decide(void)
{
	g_clear_pointer(&decision, g_ptr_array_unref);
	decision = vk_keep_decide(&rules, items, count, &facts);
	ck_assert_uint_eq(decision->len, count);
}

/* One letter for each item, the oldest first: 'k' is kept, '-' is not. */
static void assert_kept(const char *expected)
{
	char kept[ITEMS_MAX + 1] = {0};

	decide();
	for (guint i = 0; i < count; i++)
		kept[i] = vk_keep_is_kept(decision, i) ? 'k' : '-';
	ck_assert_str_eq(kept, expected);
}

static void assert_reasons(guint i, const char *expected)
{
	g_autofree char *reasons = g_strjoinv("; ", g_ptr_array_index(decision, i));

	ck_assert_str_eq(reasons, expected);
}

START_TEST(last)
{
	rules.counts[VK_KEEP_LAST] = 2;
	add_all("20260101T000000Z 20260102T000000Z 20260102T000000Z 20260103T000000Z");
	assert_kept("--kk");
	assert_reasons(3, "last 1 of 2");
	assert_reasons(2, "last 2 of 2");
	rules.counts[VK_KEEP_LAST] = 9;
	assert_kept("kkkk");
	assert_reasons(0, "last 4 of 9");
}
END_TEST

START_TEST(newest_of_each_day)
{
	rules.counts[VK_KEEP_DAILY] = 2;
	add_all("20260101T010000Z 20260101T230000Z 20260102T000000Z 20260102T235959Z "
		"20260103T000000Z");
	assert_kept("---kk");
	assert_reasons(4, "daily 1 of 2");
	assert_reasons(3, "daily 2 of 2");
}
END_TEST

/* Weeks without backups do not use up what is to be kept. */
START_TEST(empty_periods_do_not_count)
{
	rules.counts[VK_KEEP_DAILY] = 3;
	add_all("20250101T000000Z 20250601T000000Z 20250601T120000Z 20260101T000000Z "
		"20261001T000000Z");
	assert_kept("--kkk");
}
END_TEST

START_TEST(oldest_stays_while_there_are_fewer)
{
	rules.counts[VK_KEEP_YEARLY] = 3;
	add_all("20250101T000000Z 20250601T000000Z 20260101T000000Z 20261001T000000Z");
	assert_kept("kk-k");
	assert_reasons(0, "yearly 3 of 3: the oldest");
	rules.counts[VK_KEEP_YEARLY] = 2;
	assert_kept("-k-k");
}
END_TEST

/* It is not counted twice when it is the only one of its year. */
START_TEST(oldest_counts_once)
{
	rules.counts[VK_KEEP_YEARLY] = 5;
	add_all("20250101T000000Z 20260101T000000Z");
	assert_kept("kk");
	assert_reasons(0, "yearly 2 of 5");
}
END_TEST

START_TEST(rules_add_up)
{
	rules.counts[VK_KEEP_LAST] = 1;
	rules.counts[VK_KEEP_DAILY] = 2;
	rules.counts[VK_KEEP_MONTHLY] = 2;
	add_all("20260131T000000Z 20260227T000000Z 20260228T000000Z 20260228T010000Z");
	assert_kept("kk-k");
	assert_reasons(3, "last 1 of 1; daily 1 of 2; monthly 1 of 2");
	assert_reasons(1, "daily 2 of 2");
	assert_reasons(0, "monthly 2 of 2");
}
END_TEST

/* Berlin, 2026-10-25: 02:00 to 03:00 is there twice. Five hours pass from 01:30 to 04:30. */
START_TEST(clocks_set_back_by_the_hour)
{
	set_zone("Europe/Berlin");
	rules.counts[VK_KEEP_HOURLY] = 4;
	add_all("20261024T230000Z 20261024T233000Z 20261025T000000Z 20261025T003000Z "
		"20261025T010000Z 20261025T013000Z 20261025T020000Z 20261025T023000Z");
	assert_kept("-k-k-k-k");
}
END_TEST

/* Berlin, 2026-03-29: no 02:00 to 03:00. 00:59:59Z is 01:59:59, 01:00Z is 03:00. */
START_TEST(clocks_set_forward_by_the_hour)
{
	set_zone("Europe/Berlin");
	rules.counts[VK_KEEP_HOURLY] = 3;
	add_all("20260328T235959Z 20260329T000000Z 20260329T005959Z 20260329T010000Z "
		"20260329T015959Z 20260329T020000Z");
	assert_kept("--k-kk");
}
END_TEST

/* The day of the change is 25 hours long: it ends at 23:00Z, the day before ended at 22:00Z. */
START_TEST(clocks_set_back_by_the_day)
{
	set_zone("Europe/Berlin");
	rules.counts[VK_KEEP_DAILY] = 3;
	add_all("20261023T220000Z 20261024T215959Z 20261024T220000Z 20261025T225959Z "
		"20261025T230000Z");
	assert_kept("-k-kk");
}
END_TEST

/* That day is 23 hours long: it begins at 23:00Z and ends at 22:00Z. */
START_TEST(clocks_set_forward_by_the_day)
{
	set_zone("Europe/Berlin");
	rules.counts[VK_KEEP_DAILY] = 3;
	add_all("20260328T225959Z 20260328T230000Z 20260329T215959Z 20260329T220000Z");
	assert_kept("k-kk");
}
END_TEST

/* Weeks, months and years begin at the zone's midnight, whose offset is another in summer. */
START_TEST(longer_periods_across_a_change)
{
	set_zone("Europe/Berlin");
	rules.counts[VK_KEEP_WEEKLY] = 2;
	add_all("20260322T230000Z 20260329T215959Z 20260329T220000Z 20260405T215959Z");
	assert_kept("-k-k");
	count = 0;
	rules.counts[VK_KEEP_WEEKLY] = 0;
	rules.counts[VK_KEEP_MONTHLY] = 2;
	add_all("20260930T220000Z 20261031T225959Z 20261031T230000Z 20261130T225959Z");
	assert_kept("-k-k");
	count = 0;
	rules.counts[VK_KEEP_MONTHLY] = 0;
	rules.counts[VK_KEEP_YEARLY] = 2;
	add_all("20241231T230000Z 20251231T225959Z 20251231T230000Z 20261231T225959Z");
	assert_kept("-k-k");
}
END_TEST

START_TEST(zone_decides_about_the_day)
{
	rules.counts[VK_KEEP_DAILY] = 2;
	add_all("20260101T010000Z 20260101T120000Z 20260102T020000Z");
	assert_kept("-kk");
	set_zone("America/New_York");
	assert_kept("k-k");
}
END_TEST

START_TEST(leap_years)
{
	rules.counts[VK_KEEP_DAILY] = 3;
	add_all("20240228T120000Z 20240229T000000Z 20240229T235959Z 20240301T000000Z");
	assert_kept("k-kk");
	count = 0;
	/* Day 366 of the leap year is not day 1 of the next. */
	rules.counts[VK_KEEP_DAILY] = 2;
	add_all("20241230T000000Z 20241231T120000Z 20250101T000000Z");
	assert_kept("-kk");
	count = 0;
	rules.counts[VK_KEEP_DAILY] = 0;
	rules.counts[VK_KEEP_MONTHLY] = 2;
	add_all("20240131T000000Z 20240201T000000Z 20240229T235959Z 20240301T000000Z");
	assert_kept("--kk");
}
END_TEST

/* ISO 8601: 2020-12-28 to 2021-01-03 is week 53 of 2020, and 2024-12-30 is in week 1 of 2025. */
START_TEST(week_53)
{
	rules.counts[VK_KEEP_WEEKLY] = 2;
	add_all("20201227T235959Z 20201228T000000Z 20210103T235959Z 20210104T000000Z");
	assert_kept("--kk");
	count = 0;
	add_all("20241229T235959Z 20241230T000000Z 20250105T235959Z");
	assert_kept("k-k");
	count = 0;
	/* Week 1 of one year is not week 1 of another. */
	add_all("20240103T000000Z 20250101T000000Z 20250102T000000Z");
	assert_kept("k-k");
}
END_TEST

START_TEST(equal_times)
{
	rules.counts[VK_KEEP_DAILY] = 1;
	add_all("20260101T000000Z 20260101T000000Z 20260101T000000Z");
	assert_kept("--k");
	rules.counts[VK_KEEP_DAILY] = 0;
	rules.counts[VK_KEEP_LAST] = 2;
	assert_kept("-kk");
}
END_TEST

/* They are kept, but what is genuine has the places. */
START_TEST(future)
{
	rules.counts[VK_KEEP_LAST] = 1;
	rules.counts[VK_KEEP_YEARLY] = 1;
	rules.within = (VkDuration){.days = 1};
	add_all("20280101T000000Z 20290101T000000Z 20300101T000001Z 20310101T000000Z");
	assert_kept("-kkk");
	assert_reasons(1, "last 1 of 1; yearly 1 of 1; within 1d");
	assert_reasons(2, "its date is in the future");
}
END_TEST

/* A thief plants a snapshot in each day, so that a policy deletes the real ones. */
START_TEST(forged_dates_drive_out_nothing)
{
	rules.counts[VK_KEEP_DAILY] = 2;
	rules.min = 2;
	add("20260101T000000Z");
	add("20260102T000000Z");
	add("20260102T120000Z")->discrepancy = 3 * DAY + 5;
	add("20260103T000000Z");
	add("20260103T120000Z")->discrepancy = -2 * DAY;
	add("20260104T120000Z")->discrepancy = DAY + 1;
	assert_kept("-kkkkk");
	assert_reasons(3, "daily 1 of 2");
	assert_reasons(2, "its date disagrees with the vault's by 3 days");
	assert_reasons(5, "its date disagrees with the vault's by 1 day");
}
END_TEST

START_TEST(a_day_is_no_discrepancy)
{
	rules.counts[VK_KEEP_LAST] = 1;
	add("20260101T000000Z")->discrepancy = -DAY;
	add("20260102T000000Z")->discrepancy = DAY;
	assert_kept("-k");
}
END_TEST

START_TEST(within)
{
	rules.within = (VkDuration){.days = 2};
	add_all("20260101T115959Z 20260101T120000Z 20260102T000000Z 20260103T120000Z");
	assert_kept("-kkk");
	assert_reasons(1, "within 2d");
	/* A month before March 31 is the end of February. */
	count = 0;
	rules.within = (VkDuration){.months = 1};
	add_all("20260228T115959Z 20260228T120000Z 20260331T120000Z");
	assert_kept("-kk");
}
END_TEST

/* By the clock on the wall: two days before noon is noon, though an hour more has passed. */
START_TEST(within_across_a_change)
{
	set_zone("Europe/Berlin");
	rules.within = (VkDuration){.days = 1};
	add_all("20261024T095959Z 20261024T100000Z 20261025T110000Z");
	assert_kept("-kk");
	rules.within = (VkDuration){.hours = 24};
	items[1].taken = at("20261024T105959Z");
	assert_kept("--k");
	items[1].taken = at("20261024T110000Z");
	assert_kept("-kk");
}
END_TEST

START_TEST(pins)
{
	rules.counts[VK_KEEP_LAST] = 1;
	add("20260101T000000Z")->pinned_until = G_MAXINT64;
	add("20260102T000000Z")->pinned_until = at("20310704T120000Z");
	add("20260103T000000Z")->pinned_until = facts.now - 1;
	add("20260104T000000Z");
	assert_kept("kk-k");
	assert_reasons(0, "pinned");
	assert_reasons(1, "pinned until 2031-07-04");
}
END_TEST

START_TEST(last_good)
{
	rules.counts[VK_KEEP_LAST] = 1;
	add("20260101T000000Z");
	add("20260102T000000Z")->is_last_good = TRUE;
	add("20260103T000000Z");
	assert_kept("-kk");
	assert_reasons(1, "newest good snapshot of the guest");
	facts.is_gone = TRUE;
	rules.gone = (VkDuration){.days = 1};
	assert_kept("---");
}
END_TEST

START_TEST(minimum)
{
	rules.within = (VkDuration){.days = 1};
	rules.min = 3;
	add("20260101T000000Z");
	add("20260102T000000Z");
	add("20260103T000000Z")->pinned_until = G_MAXINT64;
	add("20260201T000000Z");
	assert_kept("-kkk");
	assert_reasons(1, "minimum of 3");
	facts.is_gone = TRUE;
	rules.gone = (VkDuration){.days = 1};
	assert_kept("-kkk");
}
END_TEST

START_TEST(gone)
{
	facts.now = at("20260401T000000Z");
	facts.is_gone = TRUE;
	rules.counts[VK_KEEP_LAST] = 1;
	add_all("20200101T000000Z 20260101T000000Z");
	assert_kept("kk");
	assert_reasons(0, "the guest is gone, and keep_gone is not set");
	rules.gone = (VkDuration){.days = 90};
	assert_kept("kk");
	assert_reasons(0, "the guest is gone, within 90d");
	facts.now++;
	assert_kept("--");
}
END_TEST

START_TEST(labels)
{
	rules.labels = vk_retentions_parse("daily:2,weekly:1", NULL);
	add("20260101T000000Z")->label = "daily";
	add("20260102T000000Z")->label = "weekly";
	add("20260103T000000Z")->label = "daily";
	add("20260104T000000Z")->label = "other";
	add("20260105T000000Z");
	add("20260106T000000Z")->label = "daily";
	assert_kept("-kkkkk");
	assert_reasons(2, "label daily, 2 of 2");
	assert_reasons(3, "its label has no number");
	rules.age_days = 3;
	facts.now = at("20260104T000000Z") - 1;
	count = 1;
	items[1] = items[2] = items[0];
	count = 3;
	assert_kept("kkk");
	assert_reasons(0, "younger than 3 days");
	facts.now++;
	assert_kept("-kk");
}
END_TEST

/* What an array has only a part of does not stand for one that is whole. */
START_TEST(parts_take_no_place)
{
	rules.labels = vk_retentions_parse("daily:1", NULL);
	for (guint i = 0; i < 4; i++)
		add("20260101T000000Z")->label = "daily";
	items[3].is_partial = items[1].is_partial = TRUE;
	assert_kept("--kk");
}
END_TEST

/* The begin and the end of the calendar. */
START_TEST(odd_years)
{
	set_zone("America/New_York");
	facts.now = G_MAXINT64;
	rules.within = (VkDuration){.years = 9999};
	for (VkKeepCount i = 0; i < VK_KEEP_COUNTS; i++)
		rules.counts[i] = 1;
	add_all("00010101T000000Z 99991231T235959Z");
	assert_kept("kk");
	count = 0;
	assert_kept("");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keep");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, last);
	tcase_add_test(cases, newest_of_each_day);
	tcase_add_test(cases, empty_periods_do_not_count);
	tcase_add_test(cases, oldest_stays_while_there_are_fewer);
	tcase_add_test(cases, oldest_counts_once);
	tcase_add_test(cases, rules_add_up);
	tcase_add_test(cases, clocks_set_back_by_the_hour);
	tcase_add_test(cases, clocks_set_forward_by_the_hour);
	tcase_add_test(cases, clocks_set_back_by_the_day);
	tcase_add_test(cases, clocks_set_forward_by_the_day);
	tcase_add_test(cases, longer_periods_across_a_change);
	tcase_add_test(cases, zone_decides_about_the_day);
	tcase_add_test(cases, leap_years);
	tcase_add_test(cases, week_53);
	tcase_add_test(cases, equal_times);
	tcase_add_test(cases, future);
	tcase_add_test(cases, forged_dates_drive_out_nothing);
	tcase_add_test(cases, a_day_is_no_discrepancy);
	tcase_add_test(cases, within);
	tcase_add_test(cases, within_across_a_change);
	tcase_add_test(cases, pins);
	tcase_add_test(cases, last_good);
	tcase_add_test(cases, minimum);
	tcase_add_test(cases, gone);
	tcase_add_test(cases, labels);
	tcase_add_test(cases, parts_take_no_place);
	tcase_add_test(cases, odd_years);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
