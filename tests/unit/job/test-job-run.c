/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs of jobs, whose steps are done by a script in virtkeep's place; their lock, record and units.
 */
#include "job-check.h"
#include "job-lock.h"
#include "job-run.h"
#include "job-units.h"

#include "errors.h"
#include "interrupt.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* It notes its words, and fails as the file FAIL-COMMAND says. */
static const char script[] = "#!/bin/sh\n"
			     "cd \"${0%/*}\"\n"
			     "echo \"$VIRTKEEP_JOB: $*\" >> words\n"
			     "[ ! -e \"hang-$2\" ] || { echo ready > ready; exec sleep 1000; }\n"
			     "[ -e \"fail-$2\" ] || exit 0\n"
			     "printf %s \"$2 is broken\" >&\"$VIRTKEEP_STEP_ERROR_FD\"\n"
			     "echo 'virtkeep: warning: nobody was told' >&2\n"
			     "exit \"$(cat \"fail-$2\")\"\n";

static char *directory, *program[3];
static VkSettings *settings;
static GTimeZone *zone;

static char *path_of(const char *name)
{
	return g_build_filename(directory, name, NULL);
}

static void write_file(const char *name, const char *text)
{
	g_autofree char *path = path_of(name);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static char *read_file(const char *name)
{
	g_autofree char *path = path_of(name);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

static void configure(const char *text)
{
	g_autofree char *whole = g_strdup_printf(
		"[backup]\nlabel = weekly\nrun_dir = %s/run\n[jobs]\nstate_dir = %s/state\n%s",
		directory, directory, text);
	g_autoptr(GError) error = NULL;

	vk_settings_free(settings);
	settings = vk_settings_parse(whole, strlen(whole), "test.conf", &error);
	ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
}

static void setup(void)
{
	directory = temp_directory_new();
	zone = g_time_zone_new_local();
	write_file("fake", script);
	program[0] = path_of("fake");
	program[1] = g_strdup("-q");
	ck_assert_int_eq(g_chmod(program[0], 0755), 0);
	configure("[job nightly]\nschedule = *:0/1\nkeep_daily = 7\nverify_share = 1/7\n");
}

static void teardown(void)
{
	vk_set_interrupted(FALSE);
	g_clear_pointer(&settings, vk_settings_free);
	g_time_zone_unref(zone);
	g_free(program[0]);
	g_free(program[1]);
	temp_directory_remove(directory);
	g_free(directory);
}

static gboolean run_as(gboolean due_only, const char *host, VkJobRun *ret, GError **error)
{
	const VkJobRunOptions options = {.settings = settings,
					 .program = program,
					 .silent = TRUE,
					 .due_only = due_only,
					 .host = host,
					 .zone = zone};
	g_autoptr(VkScheduledJob) job = vk_scheduled_job_load(settings, "nightly", NULL);

	return vk_job_run(job, &options, ret, error);
}

static VkJobState *load_state(void)
{
	return vk_job_state_load(vk_settings_get(settings, "jobs", "state_dir"), "nightly");
}

START_TEST(all_steps_run)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;
	g_autofree char *words = NULL;
	g_autoptr(VkJobState) state = NULL;

	ck_assert_msg(run_as(FALSE, NULL, &run, &error), "%s", error ? error->message : "");
	words = read_file("words");
	ck_assert_str_eq(words, "nightly: -q backup --label=nightly --all\n"
				"nightly: -q forget --policy --job=nightly\n"
				"nightly: -q verify --data --share=1/7\n");
	state = load_state();
	ck_assert_int_gt(state->past.started, 0);
	ck_assert_int_ge(state->past.ended, state->past.started);
	ck_assert_int_eq(state->status, 0);
	ck_assert_int_eq(state->planned, 0);
	ck_assert_ptr_null(state->error);
}
END_TEST

START_TEST(the_choices_of_a_job_are_handed_on)
{
	static const struct {
		const char *settings, *words;
	} rows[] = {
		{"", "virtkeep backup --label=nightly --all"},
		{"label = daily\nmode = array+vault\nquiesce = agent\ngroup = yes\n",
		 "virtkeep backup --label=daily --mode=array+vault --quiesce=agent --group --all"},
		{"guests = web*;-odd one\nexclude = web3\n",
		 "virtkeep backup --label=nightly --exclude=web3 -- 'web*' '-odd one'"},
		{"tags = gold silver\nexclude = a b\n",
		 "virtkeep backup --label=nightly --tag=gold --tag=silver --exclude=a --exclude=b"},
		{"tags = gold\nguests = db\n", "virtkeep backup --label=nightly --tag=gold -- db"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strconcat("[job nightly]\n", rows[i].settings, NULL);
		g_autoptr(GPtrArray) steps = NULL;
		g_autofree char *words = NULL;

		configure(text);
		steps = vk_job_steps_plan(settings, "nightly");
		ck_assert_uint_eq(steps->len, 1);
		words = vk_job_step_text(g_ptr_array_index(steps, 0));
		ck_assert_str_eq(words, rows[i].words);
	}
}
END_TEST

START_TEST(a_step_that_fails_stops_no_other)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;
	g_autofree char *words = NULL;
	g_autoptr(VkJobState) state = NULL;

	write_file("fail-backup", "6");
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	ck_assert_int_eq(error->code, VK_ERROR_PARTIAL);
	ck_assert_str_eq(error->message, "the job 'nightly' failed: backup: backup is broken");
	words = read_file("words");
	ck_assert_ptr_nonnull(strstr(words, "-q verify"));
	state = load_state();
	ck_assert_int_eq(state->status, VK_ERROR_PARTIAL);
	ck_assert_str_eq(state->error, "backup: backup is broken");
}
END_TEST

START_TEST(when_nothing_was_done_the_first_step_says_how)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;

	write_file("fail-backup", "6");
	write_file("fail-forget", "1");
	write_file("fail-verify", "5");
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert_ptr_nonnull(
		strstr(error->message, "forget: forget is broken; verify: verify is"));
	/* One of which something was done. */
	g_clear_error(&error);
	vk_job_run_clear(&run);
	write_file("fail-forget", "3");
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	ck_assert_int_eq(error->code, VK_ERROR_PARTIAL);
}
END_TEST

START_TEST(a_program_that_cannot_run_is_a_failure)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;

	g_unlink(program[0]);
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	ck_assert_int_eq(error->code, VK_ERROR_FAILED);
	ck_assert_ptr_nonnull(strstr(error->message, "cannot run"));
}
END_TEST

START_TEST(nothing_is_forgotten_that_is_not_replicated)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;
	g_autofree char *words = NULL;

	configure("[job nightly]\nkeep_last = 1\nreplicate = a b\nverify_share = 1/7\n");
	ck_assert_msg(run_as(FALSE, NULL, &run, &error), "%s", error ? error->message : "");
	words = read_file("words");
	ck_assert_ptr_nonnull(strstr(words, "-q replicate --to=a\nnightly: -q replicate --to=b\n"
					    "nightly: -q forget"));
	vk_job_run_clear(&run);
	write_file("words", "");
	write_file("fail-replicate", "1");
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	ck_assert_int_eq(error->code, VK_ERROR_PARTIAL);
	ck_assert_ptr_nonnull(strstr(error->message, "forget: did not run: what is not"));
	g_free(words);
	words = read_file("words");
	ck_assert_ptr_nonnull(strstr(words, "--to=b"));
	ck_assert_ptr_null(strstr(words, "forget"));
	ck_assert_ptr_nonnull(strstr(words, "verify"));
}
END_TEST

START_TEST(two_do_not_run_at_once)
{
	const char *run_dir = vk_settings_get(settings, "backup", "run_dir");
	g_autoptr(VkJobLock) lock = NULL;
	g_autoptr(GError) error = NULL;
	g_auto(VkJobRun) run = {0};
	g_autofree char *words = NULL;

	ck_assert(!vk_job_lock_is_taken(run_dir, "nightly"));
	lock = vk_job_lock_take(run_dir, "nightly", NULL);
	ck_assert_ptr_nonnull(lock);
	ck_assert(vk_job_lock_is_taken(run_dir, "nightly"));
	ck_assert(!vk_job_lock_is_taken(run_dir, "weekly"));
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	ck_assert_int_eq(error->code, VK_ERROR_BUSY);
	vk_job_run_clear(&run);
	/* For the schedule there is nothing to do. */
	g_clear_error(&error);
	ck_assert(run_as(TRUE, NULL, &run, &error));
	ck_assert(!run.ran);
	words = read_file("words");
	ck_assert_str_eq(words, "");
	g_clear_pointer(&lock, vk_job_lock_free);
	ck_assert(!vk_job_lock_is_taken(run_dir, "nightly"));
}
END_TEST

static gpointer interrupt_when_ready(gpointer unused)
{
	g_autofree char *ready = path_of("ready");

	while (access(ready, F_OK) < 0)
		g_usleep(1000);
	vk_set_interrupted(TRUE);
	return NULL;
}

START_TEST(an_interruption_ends_the_step_and_the_job)
{
	const char *run_dir = vk_settings_get(settings, "backup", "run_dir");
	GThread *thread = g_thread_new("interrupt", interrupt_when_ready, NULL);
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;
	g_autofree char *words = NULL;
	g_autoptr(VkJobState) state = NULL;

	write_file("hang-backup", "");
	ck_assert(!run_as(FALSE, NULL, &run, &error));
	g_thread_join(thread);
	ck_assert_ptr_nonnull(strstr(error->message, "backup: it was killed; forget: interrupted"));
	words = read_file("words");
	ck_assert_ptr_null(strstr(words, "verify"));
	state = load_state();
	ck_assert_int_ge(state->past.ended, state->past.started);
	ck_assert_int_eq(state->status, VK_ERROR_FAILED);
	ck_assert(!vk_job_lock_is_taken(run_dir, "nightly"));
}
END_TEST

START_TEST(the_schedule_decides_what_is_due)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkJobState) state = NULL;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;

	/* Not known yet: it begins to count. */
	ck_assert(run_as(TRUE, "kvm1", &run, &error));
	ck_assert(!run.ran);
	vk_job_run_clear(&run);
	state = load_state();
	ck_assert_int_ge(state->past.since, now);
	ck_assert_int_eq(state->past.started, 0);
	/* An hour later. */
	state->past.since -= 3600;
	ck_assert(vk_job_state_save(state, vk_settings_get(settings, "jobs", "state_dir"),
				    "nightly", NULL));
	ck_assert(run_as(TRUE, "kvm1", &run, &error));
	ck_assert(run.ran);
	vk_job_run_clear(&run);
	vk_job_state_free(state);
	state = load_state();
	ck_assert_int_lt(state->planned, now);
	ck_assert_uint_ge(state->missed, 59);
	/* Once is enough. */
	state->past.ended = state->past.started = now + 60;
	ck_assert(vk_job_state_save(state, vk_settings_get(settings, "jobs", "state_dir"),
				    "nightly", NULL));
	ck_assert(run_as(TRUE, "kvm1", &run, &error));
	ck_assert(!run.ran);
}
END_TEST

START_TEST(a_timer_starts_what_never_ran)
{
	g_auto(VkJobRun) run = {0};

	ck_assert(run_as(TRUE, NULL, &run, NULL));
	ck_assert(run.ran);
}
END_TEST

/* Else cron would run it at each call. Whoever wants it by hand has reasons. */
START_TEST(what_cannot_be_remembered_is_not_due)
{
	g_auto(VkJobRun) run = {0};
	g_autoptr(GError) error = NULL;
	g_autofree char *words = NULL;

	/* No directory can be made there. */
	write_file("state", "");
	ck_assert(!run_as(TRUE, NULL, &run, &error));
	ck_assert(!run.ran);
	ck_assert_ptr_nonnull(strstr(error->message, "the job 'nightly' does not run"));
	words = read_file("words");
	ck_assert_str_eq(words, "");
	vk_job_run_clear(&run);
	ck_assert(run_as(FALSE, NULL, &run, NULL));
	ck_assert(run.ran);
}
END_TEST

START_TEST(a_record_that_is_damaged_counts_as_none)
{
	static const char *const texts[] = {
		"",
		"{}",
		"{\"since\":-1,\"started\":1,\"ended\":1,\"planned\":0,\"missed\":0,\"status\":0}",
		"{\"since\":1,\"started\":1,\"ended\":1,\"planned\":0,\"missed\":0,\"status\":300}",
		"{\"since\":9223372036854775807,\"started\":1,\"ended\":1,\"planned\":0,"
		"\"missed\":0,\"status\":0}",
		"[1]",
	};
	g_autofree char *state_directory = path_of("state");

	ck_assert_int_eq(g_mkdir(state_directory, 0755), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(VkJobState) state = NULL;

		write_file("state/nightly.json", texts[i]);
		state = load_state();
		ck_assert_int_eq(state->past.since, 0);
		ck_assert_int_eq(state->past.started, 0);
		ck_assert_int_eq(state->status, 0);
	}
	write_file("state/nightly.json",
		   "{\"since\":1,\"started\":2,\"ended\":3,\"planned\":4,\"missed\":5,\"status\":6,"
		   "\"error\":\"x\"}");
	g_autoptr(VkJobState) state = load_state();
	ck_assert_int_eq(state->past.ended, 3);
	ck_assert_uint_eq(state->missed, 5);
	ck_assert_str_eq(state->error, "x");
}
END_TEST

START_TEST(timers_are_written)
{
	char *none[] = {NULL};
	g_autoptr(GPtrArray) jobs = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *units = path_of("units");
	g_autofree char *text = NULL;
	g_autofree char *other = NULL;
	g_autofree char *link_path = path_of("units/timers.target.wants/virtkeep-job@a.timer");
	g_autofree char *target = NULL;

	configure("[job a]\nschedule = daily; Sat 12:00 UTC\nwindow = 22:00-06:00\n"
		  "random_delay = 30\n"
		  "[job b]\nschedule = hourly\npersistent = no\n"
		  "[job c]\nschedule = hourly\nenabled = no\n[job d]\n");
	jobs = vk_scheduled_jobs_load(settings, none, NULL);
	ck_assert_uint_eq(jobs->len, 4);
	ck_assert_msg(vk_job_units_write(jobs, units, "/etc/x.conf", &error), "%s",
		      error ? error->message : "");
	text = read_file("units/virtkeep-job@a.timer");
	ck_assert_ptr_nonnull(strstr(text, "[Timer]\nOnCalendar=daily\nOnCalendar=Sat 12:00 UTC\n"
					   "OnCalendar=*-*-* 22:00\nRandomizedDelaySec=1800\n"
					   "FixedRandomDelay=true\nPersistent=true\n"));
	other = read_file("units/virtkeep-job@b.timer");
	ck_assert_ptr_nonnull(strstr(other, "[Timer]\nOnCalendar=hourly\nPersistent=false\n"));
	target = g_file_read_link(link_path, NULL);
	ck_assert_str_eq(target, "../virtkeep-job@a.timer");
	for (const char *const *name = (const char *const[]){"c", "d", NULL}; *name; name++) {
		g_autofree char *path = g_strdup_printf("%s/virtkeep-job@%s.timer", units, *name);

		ck_assert_int_lt(access(path, F_OK), 0);
	}
}
END_TEST

START_TEST(contradictions_are_found)
{
	static const struct {
		const char *settings, *problem; /* NULL: none */
	} rows[] = {
		{"[job a]\nschedule = 02:30\nwindow = 22:00-06:00\nkeep_last = 1\n"
		 "[job b]\nlabel = b\n[job c]\nlabel = b\n",
		 NULL},
		{"[job a]\nkeep_last = 1\n[job b]\nlabel = a\n", "[job b] takes snapshots with"},
		{"[job a]\nkeep_last = 1\nlabel = weekly\n", "[backup] takes snapshots with"},
		{"[job weekly]\n", NULL},
		{"[job a]\nschedule = 12:00\nwindow = 22:00-06:00\n", "never falls into it"},
		{"[job a]\nkeep_last = 0\n", "keeps nothing"},
		{"[job a]\nreplicate = b c\n[vault b]\n", "no section [vault c]"},
		{"[job a]\nkeep_last = 1\nlabel = b\n[job b]\nkeep_last = 1\n", "label 'b'"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) problems =
			g_ptr_array_new_with_free_func((GDestroyNotify)vk_settings_problem_free);
		const VkSettingsProblem *first;

		configure(rows[i].settings);
		vk_jobs_check(settings, problems);
		ck_assert_int_eq(problems->len > 0, rows[i].problem != NULL);
		if (!rows[i].problem)
			continue;
		first = g_ptr_array_index(problems, 0);
		ck_assert_msg(strstr(first->text, rows[i].problem) != NULL, "%s", first->text);
	}
}
END_TEST

START_TEST(names_of_jobs_are_checked)
{
	static const char *const names[] = {
		"a b", "-x", ".x", "a/b", "a@b", "\xc3\xa4", "01234567890123456789012345678901"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = g_strdup_printf("[job %s]\n", names[i]);
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!vk_settings_parse(text, strlen(text), "test.conf", &error), "%s",
			      names[i]);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job-run");
	TCase *cases = tcase_create("job-run");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(cases, 30);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, all_steps_run);
	tcase_add_test(cases, the_choices_of_a_job_are_handed_on);
	tcase_add_test(cases, a_step_that_fails_stops_no_other);
	tcase_add_test(cases, when_nothing_was_done_the_first_step_says_how);
	tcase_add_test(cases, a_program_that_cannot_run_is_a_failure);
	tcase_add_test(cases, nothing_is_forgotten_that_is_not_replicated);
	tcase_add_test(cases, two_do_not_run_at_once);
	tcase_add_test(cases, an_interruption_ends_the_step_and_the_job);
	tcase_add_test(cases, the_schedule_decides_what_is_due);
	tcase_add_test(cases, a_timer_starts_what_never_ran);
	tcase_add_test(cases, what_cannot_be_remembered_is_not_due);
	tcase_add_test(cases, a_record_that_is_damaged_counts_as_none);
	tcase_add_test(cases, timers_are_written);
	tcase_add_test(cases, contradictions_are_found);
	tcase_add_test(cases, names_of_jobs_are_checked);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
