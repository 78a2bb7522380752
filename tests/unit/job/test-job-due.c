/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When jobs run in a year, by a clock that the test has made up, and what is kept of them. */
#include "job-due.h"
#include "keep.h"

#include <check.h>
#include <string.h>

#define MINUTE ((gint64)60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define TICK   (5 * MINUTE) /* cron calls so often */

static GTimeZone *berlin;

/* A host, and what has happened on it. */
typedef struct {
	VkScheduledJob *job;
	VkJobPast past;
	guint delay;
	gint64 run_sec;                /* how long a run takes */
	gboolean (*is_on)(gint64 now); /* NULL: always */
	GArray *runs;                  /* VkJobDue at each start */
	GArray *starts;                /* gint64 */
} Sim;

static gint64 at(const char *text)
{
	g_autofree char *iso = g_strconcat(text, ":00", NULL);
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(iso, berlin);

	ck_assert_msg(time != NULL, "%s", text);
	return g_date_time_to_unix(time);
}

static char *text_of(gint64 seconds)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
	g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, berlin);

	return g_date_time_format(local, "%a %Y-%m-%dT%H:%M");
}

static VkScheduledJob *new_job(const char *settings_text)
{
	g_autofree char *text = g_strdup_printf("[job nightly]\n%s", settings_text);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSettings) settings = vk_settings_parse(text, strlen(text), "test.conf", &error);
	VkScheduledJob *job;

	ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
	job = vk_scheduled_job_load(settings, "nightly", &error);
	ck_assert_msg(job != NULL, "%s", error ? error->message : "");
	return job;
}

static void sim_init(Sim *sim, const char *settings_text)
{
	*sim = (Sim){.job = new_job(settings_text), .run_sec = 20 * MINUTE};
	sim->delay = vk_scheduled_job_delay(sim->job, "kvm1");
	sim->runs = g_array_new(FALSE, FALSE, sizeof(VkJobDue));
	sim->starts = g_array_new(FALSE, FALSE, sizeof(gint64));
}

static void sim_clear(Sim *sim)
{
	vk_scheduled_job_free(sim->job);
	g_array_unref(sim->runs);
	g_array_unref(sim->starts);
}

/* What cron's "job run --due" does at NOW. */
static void sim_tick(Sim *sim, gint64 now)
{
	VkJobDue due;

	/* It runs still. */
	if (sim->past.ended > now)
		return;
	due = vk_job_due(sim->job, &sim->past, sim->delay, now, berlin);
	if (due.state == VK_JOB_UNKNOWN)
		sim->past = (VkJobPast){.since = now};
	if (due.state != VK_JOB_DUE)
		return;
	sim->past.started = now;
	sim->past.ended = now + sim->run_sec;
	g_array_append_val(sim->runs, due);
	g_array_append_val(sim->starts, now);
}

static void sim_run(Sim *sim, const char *from, const char *to)
{
	for (gint64 now = at(from); now < at(to); now += TICK)
		if (!sim->is_on || sim->is_on(now))
			sim_tick(sim, now);
}

static gint64 start_of(const Sim *sim, guint i)
{
	return g_array_index(sim->starts, gint64, i);
}

static void expect_start(const Sim *sim, guint i, const char *text)
{
	g_autofree char *start = NULL;

	ck_assert_uint_lt(i, sim->starts->len);
	start = text_of(start_of(sim, i));
	ck_assert_str_eq(start, text);
}

static void setup(void)
{
	berlin = g_time_zone_new_identifier("Europe/Berlin");
}

static void teardown(void)
{
	g_time_zone_unref(berlin);
}

START_TEST(each_night_of_a_year_once)
{
	Sim sim;

	sim_init(&sim, "schedule = 02:30\n");
	sim_run(&sim, "2026-01-01T00:00", "2027-01-01T00:00");
	/* One night the clocks leave out 02:30, another night they show it twice. */
	ck_assert_uint_eq(sim.starts->len, 364);
	for (guint i = 0; i < sim.starts->len; i++) {
		const VkJobDue *due = &g_array_index(sim.runs, VkJobDue, i);
		g_autofree char *planned = text_of(due->planned);

		ck_assert_int_eq(start_of(&sim, i), due->planned);
		ck_assert_uint_eq(due->missed, 1);
		ck_assert_str_eq(planned + strlen(planned) - strlen("02:30"), "02:30");
		ck_assert(!due->is_late);
	}
	for (guint i = 1; i < sim.starts->len; i++) {
		gint64 gap = start_of(&sim, i) - start_of(&sim, i - 1);

		ck_assert_msg(gap == DAY || gap == 25 * HOUR || gap == 47 * HOUR, "%d h",
			      (int)(gap / HOUR));
	}
	sim_clear(&sim);
}
END_TEST

START_TEST(hours_of_a_change_of_the_clocks)
{
	Sim sim;

	sim_init(&sim, "schedule = hourly\n");
	sim.run_sec = MINUTE;
	sim_run(&sim, "2026-03-29T00:00", "2026-03-30T00:00");
	/* 00:00 is when it gets known. */
	ck_assert_uint_eq(sim.starts->len, 22);
	sim_clear(&sim);
	sim_init(&sim, "schedule = hourly\n");
	sim.run_sec = MINUTE;
	sim_run(&sim, "2026-10-25T00:00", "2026-10-26T00:00");
	ck_assert_uint_eq(sim.starts->len, 23);
	sim_clear(&sim);
}
END_TEST

START_TEST(the_delay_of_a_host_is_always_the_same)
{
	Sim sim;
	guint other;

	sim_init(&sim, "schedule = 02:30\nrandom_delay = 120\n");
	other = vk_scheduled_job_delay(sim.job, "kvm2");
	ck_assert_uint_lt(sim.delay, 2 * HOUR);
	ck_assert_uint_lt(other, 2 * HOUR);
	ck_assert_uint_ne(sim.delay, other);
	ck_assert_uint_eq(sim.delay, vk_scheduled_job_delay(sim.job, "kvm1"));
	sim_run(&sim, "2026-01-01T00:00", "2026-03-01T00:00");
	ck_assert_uint_eq(sim.starts->len, 59);
	for (guint i = 0; i < sim.starts->len; i++) {
		gint64 late = start_of(&sim, i) - g_array_index(sim.runs, VkJobDue, i).planned;

		ck_assert_int_ge(late, sim.delay);
		ck_assert_int_lt(late, sim.delay + TICK);
		ck_assert(!g_array_index(sim.runs, VkJobDue, i).is_late);
	}
	/* Its delay is no reason to miss it. */
	sim.past = (VkJobPast){.ended = at("2026-03-01T12:00")};
	ck_assert(!vk_job_due(sim.job, &sim.past, 0, at("2026-03-02T05:25"), berlin).is_late);
	ck_assert(vk_job_due(sim.job, &sim.past, 0, at("2026-03-02T05:35"), berlin).is_late);
	sim_clear(&sim);
}
END_TEST

/* Off from Saturday to Monday at 8. */
static gboolean is_on_weekdays(gint64 now)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now);
	g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, berlin);
	int day = g_date_time_get_day_of_week(local);

	return day < 6 && (day != 1 || g_date_time_get_hour(local) >= 8);
}

START_TEST(missed_runs_are_made_up_for_by_one_in_the_window)
{
	Sim sim;
	const VkJobDue *monday;
	VkJobDue due;

	sim_init(&sim, "schedule = 02:30\nwindow = 22:00-06:00\n");
	sim.is_on = is_on_weekdays;
	sim_run(&sim, "2026-06-02T12:00", "2026-06-10T00:00");
	expect_start(&sim, 0, "Wed 2026-06-03T02:30");
	expect_start(&sim, 2, "Fri 2026-06-05T02:30");
	/* Not in the morning, when people have begun to work. */
	expect_start(&sim, 3, "Mon 2026-06-08T22:00");
	expect_start(&sim, 4, "Tue 2026-06-09T02:30");
	ck_assert_uint_eq(sim.starts->len, 5);
	monday = &g_array_index(sim.runs, VkJobDue, 3);
	ck_assert_int_eq(monday->planned, at("2026-06-06T02:30"));
	ck_assert_uint_eq(monday->missed, 3);
	ck_assert(monday->is_late);

	/* What "status" says in between. */
	sim.past = (VkJobPast){.started = at("2026-06-05T02:30"), .ended = at("2026-06-05T02:50")};
	due = vk_job_due(sim.job, &sim.past, 0, at("2026-06-08T09:00"), berlin);
	ck_assert_int_eq(due.state, VK_JOB_SHUT);
	ck_assert(due.is_late);
	ck_assert_int_eq(due.next, at("2026-06-09T02:30"));
	sim_clear(&sim);
}
END_TEST

START_TEST(a_job_that_is_not_persistent_makes_up_for_nothing)
{
	Sim sim;

	sim_init(&sim, "schedule = 02:30\npersistent = no\n");
	sim.is_on = is_on_weekdays;
	sim_run(&sim, "2026-06-04T12:00", "2026-06-10T00:00");
	expect_start(&sim, 0, "Fri 2026-06-05T02:30");
	expect_start(&sim, 1, "Tue 2026-06-09T02:30");
	ck_assert_uint_eq(sim.starts->len, 2);
	sim_clear(&sim);
}
END_TEST

/* A timer waits for its own delay, and then starts the job by its name, which waits for none. */
START_TEST(the_delay_of_a_timer_is_not_a_miss)
{
	g_autoptr(VkScheduledJob) job =
		new_job("schedule = 02:30\npersistent = no\nrandom_delay = 180\n");
	const VkJobPast past = {.started = at("2026-06-01T02:30"), .ended = at("2026-06-01T02:50")};
	VkJobDue due = vk_job_due(job, &past, 0, at("2026-06-02T05:29"), berlin);

	ck_assert_int_eq(due.state, VK_JOB_DUE);
	ck_assert(!due.is_late);
	due = vk_job_due(job, &past, 0, at("2026-06-02T06:31"), berlin);
	ck_assert_int_eq(due.state, VK_JOB_WAITING);
}
END_TEST

START_TEST(what_comes_while_it_runs_is_not_made_up_for)
{
	Sim sim;

	sim_init(&sim, "schedule = 02:30\n");
	sim.run_sec = 26 * HOUR;
	sim_run(&sim, "2026-06-01T12:00", "2026-06-07T00:00");
	expect_start(&sim, 0, "Tue 2026-06-02T02:30");
	expect_start(&sim, 1, "Thu 2026-06-04T02:30");
	expect_start(&sim, 2, "Sat 2026-06-06T02:30");
	ck_assert_uint_eq(sim.starts->len, 3);
	sim_clear(&sim);
}
END_TEST

START_TEST(a_new_host_begins_with_the_next_night)
{
	Sim sim;

	sim_init(&sim, "schedule = 02:30\n");
	sim_run(&sim, "2026-06-01T12:00", "2026-06-03T12:00");
	ck_assert_uint_eq(sim.starts->len, 2);
	/* The state is lost. */
	sim.past = (VkJobPast){0};
	sim_run(&sim, "2026-06-03T12:00", "2026-06-05T12:00");
	expect_start(&sim, 2, "Thu 2026-06-04T02:30");
	expect_start(&sim, 3, "Fri 2026-06-05T02:30");
	ck_assert_uint_eq(sim.starts->len, 4);
	sim_clear(&sim);
}
END_TEST

START_TEST(a_clock_that_was_wrong_stops_no_job)
{
	Sim sim;
	VkJobDue due;

	sim_init(&sim, "schedule = 02:30\n");
	sim.past = (VkJobPast){.started = at("2036-01-01T00:00"), .ended = at("2036-01-01T01:00")};
	due = vk_job_due(sim.job, &sim.past, 0, at("2026-06-01T12:00"), berlin);
	ck_assert(due.is_ahead);
	ck_assert_int_eq(due.state, VK_JOB_UNKNOWN);
	sim.past.ended = 0;
	sim_run(&sim, "2026-06-01T12:00", "2026-06-03T12:00");
	ck_assert_uint_eq(sim.starts->len, 2);
	sim_clear(&sim);

	/* Nor one that was off for years, and that in no time. */
	sim_init(&sim, "schedule = *:0/1\n");
	sim.past = (VkJobPast){.since = 1};
	due = vk_job_due(sim.job, &sim.past, 0, at("2026-06-01T12:00"), berlin);
	ck_assert_int_eq(due.state, VK_JOB_DUE);
	ck_assert_uint_eq(due.missed, 1000);
	sim_clear(&sim);
}
END_TEST

START_TEST(without_a_schedule_or_when_disabled_nothing_is_due)
{
	static const char *const texts[] = {"label = x\n", "schedule = hourly\nenabled = no\n"};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(VkScheduledJob) job = new_job(texts[i]);
		const VkJobPast past = {.since = 1};
		VkJobDue due = vk_job_due(job, &past, 0, at("2026-06-01T12:00"), berlin);

		ck_assert_int_eq(due.state, VK_JOB_UNSCHEDULED);
		ck_assert(!due.is_late);
	}
}
END_TEST

/* Forgets by RULES what they do not keep of ITEMS, as a job does after each run. */
static void forget(GArray *items, const VkKeepRules *rules, gint64 now)
{
	const VkKeepFacts facts = {.now = now, .zone = berlin};
	g_autoptr(GPtrArray) decision = vk_keep_decide(
		rules, (const VkKeepItem *)(gpointer)items->data, items->len, &facts);

	for (guint i = items->len; i > 0; i--)
		if (!vk_keep_is_kept(decision, i - 1))
			g_array_remove_index(items, i - 1);
}

static gboolean has_month(const GArray *items, int month)
{
	for (guint i = 0; i < items->len; i++) {
		gint64 taken = g_array_index(items, VkKeepItem, i).taken;
		g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(taken);
		g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, berlin);

		if (g_date_time_get_month(local) == month)
			return TRUE;
	}
	return FALSE;
}

/* Off for all of May, and each weekend. */
static gboolean is_on_but_in_may(gint64 now)
{
	return (now < at("2026-05-01T00:00") || now >= at("2026-06-01T00:00")) &&
	       is_on_weekdays(now);
}

START_TEST(the_policy_of_a_year)
{
	const VkKeepRules rules = {
		.counts = {[VK_KEEP_DAILY] = 7, [VK_KEEP_WEEKLY] = 4, [VK_KEEP_MONTHLY] = 12}};
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(VkKeepItem));
	guint most = 0;
	Sim sim;

	sim_init(&sim, "schedule = 02:30\n");
	sim.is_on = is_on_but_in_may;
	sim_run(&sim, "2026-01-01T00:00", "2027-01-01T00:00");
	for (guint i = 0; i < sim.starts->len; i++) {
		VkKeepItem item = {.taken = start_of(&sim, i)};

		g_array_append_val(items, item);
		forget(items, &rules, item.taken);
		most = MAX(most, items->len);
		ck_assert_int_eq(g_array_index(items, VkKeepItem, items->len - 1).taken,
				 item.taken);
	}
	for (int month = 1; month <= 12; month++)
		ck_assert_msg(has_month(items, month) == (month != 5), "month %d", month);
	/* 7 days, 4 weeks and 11 months, of which some are the same. */
	ck_assert_uint_ge(items->len, 7 + 2 + 10);
	ck_assert_uint_le(most, 7 + 4 + 12 + 1);
	sim_clear(&sim);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job-due");
	TCase *cases = tcase_create("job-due");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, each_night_of_a_year_once);
	tcase_add_test(cases, hours_of_a_change_of_the_clocks);
	tcase_add_test(cases, the_delay_of_a_host_is_always_the_same);
	tcase_add_test(cases, missed_runs_are_made_up_for_by_one_in_the_window);
	tcase_add_test(cases, a_job_that_is_not_persistent_makes_up_for_nothing);
	tcase_add_test(cases, the_delay_of_a_timer_is_not_a_miss);
	tcase_add_test(cases, what_comes_while_it_runs_is_not_made_up_for);
	tcase_add_test(cases, a_new_host_begins_with_the_next_night);
	tcase_add_test(cases, a_clock_that_was_wrong_stops_no_job);
	tcase_add_test(cases, without_a_schedule_or_when_disabled_nothing_is_due);
	tcase_add_test(cases, the_policy_of_a_year);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
