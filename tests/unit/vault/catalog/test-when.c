/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people write for a time, where the clocks change, and which snapshot that is. */
#include "catalog-priv.h"
#include "errors.h"
#include "timestamp.h"
#include "when.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ZONE "CET-1CEST,M3.5.0,M10.5.0/3"
/* 28 November 2026, 09:30 there. */
#define NOW 1795854600

static const struct {
	const char *text;
	const char *first, *last; /* TIMEs */
} moments[] = {
	{"20261128T063000Z", "20261128T063000Z", "20261128T063000Z"},
	{"today", "20261127T230000Z", "20261128T225959Z"},
	{"yesterday", "20261126T230000Z", "20261127T225959Z"},
	{"2026-11-28", "20261127T230000Z", "20261128T225959Z"},
	{"20261128", "20261127T230000Z", "20261128T225959Z"},
	{"2026-11-28T07:30", "20261128T063000Z", "20261128T063059Z"},
	{"2026-11-28 07:30", "20261128T063000Z", "20261128T063059Z"},
	{"2026-11-28T07:30:15", "20261128T063015Z", "20261128T063015Z"},
	{"20261128T0730", "20261128T063000Z", "20261128T063059Z"},
	{"2026-11-28T07:30Z", "20261128T073000Z", "20261128T073059Z"},
	{"2026-11-28t07:30z", "20261128T073000Z", "20261128T073059Z"},
	{"2026-11-28T07:30:15+05:30", "20261128T020015Z", "20261128T020015Z"},
	/* Days of 23 and 25 hours. */
	{"2026-03-29", "20260328T230000Z", "20260329T215959Z"},
	{"2026-10-25", "20261024T220000Z", "20261025T225959Z"},
	{"2026-07-01T12:00", "20260701T100000Z", "20260701T100059Z"},
};

START_TEST(moments_are_local)
{
	for (gsize i = 0; i < G_N_ELEMENTS(moments); i++) {
		VkWhen when;
		g_autofree char *first = NULL, *last = NULL;

		ck_assert_msg(vk_when_parse(moments[i].text, NOW, &when, NULL), "%s",
			      moments[i].text);
		first = vk_time_format(when.first);
		last = vk_time_format(when.last);
		ck_assert_str_eq(first, moments[i].first);
		ck_assert_str_eq(last, moments[i].last);
		ck_assert_int_eq(when.kind, i == 0 ? VK_WHEN_EXACT : VK_WHEN_AT);
	}
}
END_TEST

START_TEST(others_are_none)
{
	static const char *const texts[] = {
		"",
		"now",
		"2026-02-29",
		"2026-13-01",
		"2026-11-28T24:00",
		"2026-11",
		"2026-11-28T",
		"2026-11-28T07",
		"-x",
		"-",
		"--1",
		"abc",
		"0123456789abcdef0",
		"tomorrow",
		"2026-11-28T07:30+99:00",
		"\377",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		VkWhen when;

		ck_assert_msg(!vk_when_parse(texts[i], NOW, &when, &error), "%s", texts[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	}
}
END_TEST

START_TEST(a_moment_is_no_place_in_a_row)
{
	static const char *const texts[] = {"latest", "-1", "deadbeef"};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		VkWhen when;

		ck_assert(vk_when_parse(texts[i], NOW, &when, NULL));
		ck_assert(!vk_when_parse_moment(texts[i], NOW, &when, NULL));
	}
}
END_TEST

static GPtrArray *new_keys(void)
{
	static const char *const names[][2] = {
		{"20261101T000000Z", "00000000deadbeef"},
		{"20261127T010000Z", "1111111111111111"},
		{"20261127T224500Z", "1111222222222222"},
		{"20261128T063015Z", "2222222222222222"},
	};
	GPtrArray *keys = g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_key_free);

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		VkSnapshotKey *key = g_new0(VkSnapshotKey, 1);

		key->time = g_strdup(names[i][0]);
		key->id = g_strdup(names[i][1]);
		ck_assert(vk_time_parse(key->time, &key->taken, NULL));
		g_ptr_array_add(keys, key);
	}
	return keys;
}

START_TEST(the_newest_not_behind_it_is_meant)
{
	static const struct {
		const char *text;
		int index; /* or minus the error */
	} cases[] = {
		{"latest", 3},
		{"-0", 3},
		{"-1", 2},
		{"-3", 0},
		{"-4", -VK_ERROR_NOT_FOUND},
		{"today", 3},
		{"yesterday", 2},
		{"2026-11-27T02:00", 1},
		{"2026-11-27T01:59", 0},
		/* Its minute has begun 15 seconds before. */
		{"2026-11-28T07:30", 3},
		{"2026-11-28T07:30:14", 2},
		{"2026-11-10", 0},
		{"2026-10-31", -VK_ERROR_NOT_FOUND},
		{"20261127T010000Z", 1},
		{"20261127T010001Z", -VK_ERROR_NOT_FOUND},
		{"2222222222222222", 3},
		{"00000000DEAD", 0},
		{"1111", -VK_ERROR_USAGE},
		{"11112", 2},
		{"cafe", -VK_ERROR_NOT_FOUND},
	};
	g_autoptr(GPtrArray) keys = new_keys();

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		const VkSnapshotKey *key;
		VkWhen when;

		ck_assert_msg(vk_when_parse(cases[i].text, NOW, &when, NULL), "%s", cases[i].text);
		key = vk_choose_snapshot(keys, &when, cases[i].text, "web", &error);
		if (cases[i].index < 0) {
			ck_assert_msg(!key, "%s", cases[i].text);
			ck_assert_int_eq(error->code, -cases[i].index);
		} else {
			ck_assert_msg(key == g_ptr_array_index(keys, (guint)cases[i].index),
				      "%s is %s", cases[i].text, key ? key->time : error->message);
		}
	}
}
END_TEST

START_TEST(times_are_shown_local)
{
	g_autofree char *winter = vk_when_local("20261128T063015Z");
	g_autofree char *summer = vk_when_local_in_full("20260701T223015Z");

	ck_assert_str_eq(winter, "2026-11-28 07:30");
	ck_assert_str_eq(summer, "2026-07-02 00:30:15 +0200");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("when");
	TCase *tcase = tcase_create("when");
	SRunner *runner = srunner_create(suite);
	int failed;

	g_setenv("TZ", ZONE, TRUE);
	tcase_add_test(tcase, moments_are_local);
	tcase_add_test(tcase, others_are_none);
	tcase_add_test(tcase, a_moment_is_no_place_in_a_row);
	tcase_add_test(tcase, the_newest_not_behind_it_is_meant);
	tcase_add_test(tcase, times_are_shown_local);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
