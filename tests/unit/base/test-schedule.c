/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moments of schedules, by fixed answers and by what systemd says, if it is here; and windows. */
#include "schedule.h"
#include "time-window.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>

static gint64 moment(const char *text, GTimeZone *zone)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, zone);

	ck_assert_msg(time != NULL, "%s", text);
	return g_date_time_to_unix(time);
}

/* With the offset, so that a repeated hour is seen. */
static char *text_of(gint64 seconds, GTimeZone *zone)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;

	return local ? g_date_time_format(local, "%a %Y-%m-%dT%H:%M:%S%z") : g_strdup("never");
}

START_TEST(moments_come_when_they_should)
{
	static const struct {
		const char *schedule, *after, *next;
	} rows[] = {
		{"hourly", "2026-11-29T10:59:59", "Sun 2026-11-29T11:00:00+0100"},
		{"hourly", "2026-11-29T11:00:00", "Sun 2026-11-29T12:00:00+0100"},
		{"daily", "2026-12-31T00:00:00", "Fri 2027-01-01T00:00:00+0100"},
		{"weekly", "2026-11-30T00:00:00", "Mon 2026-12-07T00:00:00+0100"},
		{"monthly", "2026-11-29T11:00:00", "Tue 2026-12-01T00:00:00+0100"},
		{"yearly", "2026-11-29T11:00:00", "Fri 2027-01-01T00:00:00+0100"},
		{"02:30", "2026-11-29T02:29:59", "Sun 2026-11-29T02:30:00+0100"},
		{"Mon..Fri 22:30", "2026-11-27T22:30:00", "Mon 2026-11-30T22:30:00+0100"},
		{"tue,Saturday 1:05:07", "2026-11-29T00:00:00", "Tue 2026-12-01T01:05:07+0100"},
		{"*-*-01 04:00", "2026-11-29T00:00:00", "Tue 2026-12-01T04:00:00+0100"},
		{"*-*-31 04:00", "2026-11-29T00:00:00", "Thu 2026-12-31T04:00:00+0100"},
		{"*-02-29 12:00", "2026-11-29T00:00:00", "Tue 2028-02-29T12:00:00+0100"},
		{"Sun *-02-29", "2026-11-29T00:00:00", "Sun 2032-02-29T00:00:00+0100"},
		{"Mon *-*-1..7 03:00", "2026-11-29T00:00:00", "Mon 2026-12-07T03:00:00+0100"},
		{"0/6:15", "2026-11-29T06:15:00", "Sun 2026-11-29T12:15:00+0100"},
		{"*:0/15", "2026-11-29T23:50:00", "Mon 2026-11-30T00:00:00+0100"},
		{"8..17:30", "2026-11-29T17:30:00", "Mon 2026-11-30T08:30:00+0100"},
		{"03:00 UTC", "2026-11-29T00:00:00", "Sun 2026-11-29T04:00:00+0100"},
		{"daily America/New_York", "2026-11-29T00:00:00", "Sun 2026-11-29T06:00:00+0100"},
		{"22:00; 12:00", "2026-11-29T11:00:00", "Sun 2026-11-29T12:00:00+0100"},
		{"22:00; 12:00", "2026-11-29T13:00:00", "Sun 2026-11-29T22:00:00+0100"},
		/* The clocks leave 02:30 out. */
		{"02:30", "2026-03-28T12:00:00", "Mon 2026-03-30T02:30:00+0200"},
		{"hourly", "2026-03-29T01:00:00+01", "Sun 2026-03-29T03:00:00+0200"},
		/* They show it twice. */
		{"02:30", "2026-10-24T12:00:00", "Sun 2026-10-25T02:30:00+0200"},
		{"02:30", "2026-10-25T02:30:00+02", "Mon 2026-10-26T02:30:00+0100"},
		{"hourly", "2026-10-25T02:00:00+02", "Sun 2026-10-25T03:00:00+0100"},
	};
	g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(VkSchedule) schedule = vk_schedule_parse(rows[i].schedule, &error);
		g_autofree char *next = NULL;

		ck_assert_msg(schedule != NULL, "%s", error ? error->message : "");
		next = text_of(vk_schedule_next(schedule, moment(rows[i].after, zone), zone), zone);
		ck_assert_msg(g_str_equal(next, rows[i].next), "%s after %s: %s, not %s",
			      rows[i].schedule, rows[i].after, next, rows[i].next);
	}
}
END_TEST

START_TEST(what_is_not_understood_is_refused)
{
	static const char *const texts[] = {
		"",           " ; ",           "nightly",
		"24:00",      "02:60",         "2:30pm",
		"Fri..Mon",   "Mo 12:00",      "*-*-*-* 12:00",
		"2026-01-01", "*-13-01",       "*-02-30",
		"*-*-0",      "*-4,6-31",      "*:*/5",
		"-1:00",      "02:30 Nowhere", "02:30 UTC x",
		"02:30,",     "UTC",           "Mon,,Tue",
		"*-*-~1",     "5..1:00",       "5/0:00",
		"02:30:*",    "hourly hourly", "minutely",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!vk_schedule_parse(texts[i], &error), "%s", texts[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	}
}
END_TEST

START_TEST(parts_are_handed_on_as_they_are)
{
	g_autoptr(VkSchedule) schedule = vk_schedule_parse(" daily;Sat *-*-* 12:00 UTC ;", NULL);
	const char *const *calendars = vk_schedule_calendars(schedule);

	ck_assert_str_eq(calendars[0], "daily");
	ck_assert_str_eq(calendars[1], "Sat *-*-* 12:00 UTC");
	ck_assert_ptr_null(calendars[2]);
}
END_TEST

START_TEST(the_calendar_ends)
{
	g_autoptr(VkSchedule) schedule = vk_schedule_parse("daily", NULL);
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();

	ck_assert_int_eq(vk_schedule_next(schedule, G_MAXINT64, utc), G_MAXINT64);
	ck_assert_int_eq(vk_schedule_next(schedule, moment("9999-01-01T00:00:00", utc), utc),
			 G_MAXINT64);
}
END_TEST

/* The moments that systemd gives for the text, seconds since 1970. NULL: it is not here. */
static GArray *ask_systemd(const char *text, const char *zone, const char *after, guint count)
{
	g_autofree char *base = g_strdup_printf("--base-time=%s", after);
	g_autofree char *iterations = g_strdup_printf("--iterations=%u", count);
	g_autofree char *words =
		g_strjoin("\n", "systemd-analyze", "calendar", base, iterations, text, NULL);
	g_auto(GStrv) argv = g_strsplit(words, "\n", -1);
	g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "TZ", zone, TRUE);
	g_autofree char *out = NULL;
	GArray *moments = g_array_new(FALSE, FALSE, sizeof(gint64));
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_auto(GStrv) lines = NULL;

	environment = g_environ_setenv(environment, "LC_ALL", "C", TRUE);
	ck_assert(g_spawn_sync(NULL, argv, environment,
			       G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out,
			       NULL, NULL, NULL));
	lines = g_strsplit(out, "\n", -1);
	for (char **line = lines; *line; line++) {
		const char *time = strstr(*line, "(in UTC): ");
		g_autofree char *iso = NULL;
		gint64 seconds;

		if (!time)
			continue;
		/* "Mon 2026-03-30 00:30:00 UTC" */
		iso = g_strdup_printf("%.10sT%.8sZ", time + 14, time + 25);
		seconds = moment(iso, utc);
		g_array_append_val(moments, seconds);
	}
	return moments;
}

START_TEST(systemd_says_the_same)
{
	static const char *const texts[] = {
		"hourly",         "daily",         "weekly",          "monthly",
		"quarterly",      "semiannually",  "yearly",          "annually",
		"02:30",          "*:0/20",        "0/6:45",          "1..3:00,30",
		"Mon..Fri 22:30", "Sat,Sun 02:15", "*-*-31 23:59:59", "*-*-1..7 02:00",
		"Sun 01:30",      "Sun 02:00",     "*-03,10-* 02:45", "Mon *-02-29",
	};
	/* Lord Howe's clocks change by half an hour. New York has no leap at the same days. */
	static const char *const zones[] = {"Europe/Berlin", "America/New_York",
					    "Australia/Lord_Howe", "Europe/Dublin", "Asia/Kolkata"};
	static const char *const bases[] = {"2026-03-07 12:00:00", "2026-03-28 12:00:00",
					    "2026-10-03 12:00:00", "2026-10-24 12:00:00",
					    "2026-10-31 12:00:00"};
	g_autofree char *program = g_find_program_in_path("systemd-analyze");
	gboolean is_slow = g_getenv("VK_TEST_SLOW") != NULL;

	if (!program)
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *zone_name = zones[i % G_N_ELEMENTS(zones)];
		g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(zone_name);
		g_autoptr(VkSchedule) schedule = vk_schedule_parse(texts[i], NULL);

		for (gsize j = 0; j < (is_slow ? G_N_ELEMENTS(bases) : 2); j++) {
			const char *base = bases[(i + j) % G_N_ELEMENTS(bases)];
			g_autoptr(GArray) theirs = ask_systemd(texts[i], zone_name, base, 60);
			g_autofree char *iso = g_strdup(base);
			gint64 mine = moment(g_strdelimit(iso, " ", 'T'), zone);

			ck_assert_msg(theirs->len > 0, "%s in %s after %s", texts[i], zone_name,
				      base);
			for (guint k = 0; k < theirs->len; k++) {
				gint64 their = g_array_index(theirs, gint64, k);
				g_autofree char *my_text = NULL;
				g_autofree char *their_text = text_of(their, zone);

				mine = vk_schedule_next(schedule, mine, zone);
				my_text = text_of(mine, zone);
				ck_assert_msg(mine == their, "%s in %s: %s, systemd: %s", texts[i],
					      zone_name, my_text, their_text);
			}
		}
	}
}
END_TEST

START_TEST(windows_go_over_midnight)
{
	static const struct {
		const char *window, *time;
		gboolean has;
	} rows[] = {
		{"22:00-06:00", "2026-11-29T21:59:59", FALSE},
		{"22:00-06:00", "2026-11-29T22:00:00", TRUE},
		{"22:00-06:00", "2026-11-30T00:00:00", TRUE},
		{"22:00-06:00", "2026-11-30T05:59:59", TRUE},
		{"22:00-06:00", "2026-11-30T06:00:00", FALSE},
		{"08:00-12:30", "2026-11-30T12:29:59", TRUE},
		{"08:00-12:30", "2026-11-30T12:30:00", FALSE},
		{"08:00-12:30", "2026-11-30T07:59:00", FALSE},
		{"08:00-00:00", "2026-11-30T23:59:00", TRUE},
		/* The clocks leave its beginning out. */
		{"02:30-04:00", "2026-03-29T03:00:00", TRUE},
	};
	g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		VkTimeWindow window;

		ck_assert(vk_time_window_parse(rows[i].window, &window, NULL));
		ck_assert_msg(vk_time_window_has(&window, moment(rows[i].time, zone), zone) ==
				      rows[i].has,
			      "%s %s", rows[i].window, rows[i].time);
	}
}
END_TEST

START_TEST(other_windows_are_refused)
{
	static const char *const texts[] = {"",
					    "22:00",
					    "22-06",
					    "24:00-06:00",
					    "22:00-06:60",
					    "22:00 06:00",
					    "6:00-22:00",
					    "06:00-06:00",
					    "22:00-06:00\n"};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		VkTimeWindow window;
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!vk_time_window_parse(texts[i], &window, &error), "%s", texts[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	}
	g_autofree char *begin = vk_time_window_begin(&(VkTimeWindow){.from = 22 * 60 + 5});
	ck_assert_str_eq(begin, "22:05");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tcase = tcase_create("schedule");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, moments_come_when_they_should);
	tcase_add_test(tcase, what_is_not_understood_is_refused);
	tcase_add_test(tcase, parts_are_handed_on_as_they_are);
	tcase_add_test(tcase, the_calendar_ends);
	tcase_add_test(tcase, systemd_says_the_same);
	tcase_add_test(tcase, windows_go_over_midnight);
	tcase_add_test(tcase, other_windows_are_refused);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
