/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep job run". */
#include "cmd-job.h"

#include "errors.h"
#include "event.h"
#include "interrupt.h"
#include "job-run.h"
#include "json.h"
#include "log.h"
#include "run-program.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

/* This program and the options that came before the command. Free with g_strfreev(). */
static char **program_words(const VkProgram *program)
{
	GPtrArray *words = g_ptr_array_new();
	VkProgram given = *program;
	char *self = g_file_read_link("/proc/self/exe", NULL);

	/* What the steps print is for people. */
	given.json = FALSE;
	g_ptr_array_add(words, self ? self : g_strdup("/proc/self/exe"));
	vk_program_add_given(&given, words);
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static json_t *steps_to_json(const GPtrArray *steps, gboolean have_run)
{
	json_t *report = json_array();

	for (guint i = 0; i < steps->len; i++) {
		const VkJobStep *step = g_ptr_array_index(steps, i);
		g_autofree char *text = vk_job_step_text(step);
		json_t *object = json_pack("{s:s, s:o}", "step", step->name, "command",
					   vk_json_new_string(text));

		if (have_run) {
			json_object_set_new(object, "status",
					    step->status < 0 ? json_null()
							     : json_integer(step->status));
			json_object_set_new(object, "error", vk_json_new_string(step->error));
			json_object_set_new(object, "seconds",
					    json_integer(step->usec / G_USEC_PER_SEC));
		}
		json_array_append_new(report, object);
	}
	return report;
}

static void print_steps(const VkScheduledJob *job, const GPtrArray *steps)
{
	for (guint i = 0; i < steps->len; i++) {
		const VkJobStep *step = g_ptr_array_index(steps, i);
		g_autofree char *took = vk_duration_text((guint64)step->usec);

		if (step->status == 0)
			vk_log_info("job '%s': %s done in %s", job->name, step->name, took);
		else
			vk_log_info("job '%s': %s failed after %s: %s", job->name, step->name, took,
				    step->error);
	}
}

/* REPORT is nullable. */
static void show_steps(const VkProgram *program, const GPtrArray *jobs, json_t *report)
{
	for (guint i = 0; i < jobs->len; i++) {
		const VkScheduledJob *job = g_ptr_array_index(jobs, i);
		g_autoptr(GPtrArray) steps = vk_job_steps_plan(program->settings, job->name);

		if (report)
			json_array_append_new(report,
					      json_pack("{s:s, s:o}", "job", job->name, "steps",
							steps_to_json(steps, FALSE)));
		for (guint j = 0; !report && j < steps->len; j++) {
			g_autofree char *text = vk_job_step_text(g_ptr_array_index(steps, j));

			vk_print_line(stdout, "%s: %s", job->name, text);
		}
	}
}

/* REPORT is nullable. */
static gboolean run_job(const VkScheduledJob *job, const VkJobRunOptions *options, json_t *report,
			GError **error)
{
	g_auto(VkJobRun) run = {0};
	gboolean done;

	/* What is said from here on is about it, also the error. */
	vk_event_set_job(job->name);
	done = vk_job_run(job, options, &run, error);
	if (run.ran && report)
		json_array_append_new(report,
				      json_pack("{s:s, s:b, s:o}", "job", job->name, "done", done,
						"steps", steps_to_json(run.steps, TRUE)));
	else if (run.ran)
		print_steps(job, run.steps);
	return done;
}

static gboolean run_all(const GPtrArray *jobs, const VkJobRunOptions *options, json_t *report,
			GError **error)
{
	GError *trouble = NULL;
	guint failed = 0;

	for (guint i = 0; i < jobs->len && !vk_interrupted(); i++) {
		/* Of several each is told at once, but for the last. */
		if (trouble)
			vk_log_error("%s", trouble->message);
		g_clear_error(&trouble);
		failed += !run_job(g_ptr_array_index(jobs, i), options, report, &trouble);
	}
	if (failed == 0)
		return TRUE;
	if (jobs->len == 1) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	if (trouble)
		vk_log_error("%s", trouble->message);
	g_clear_error(&trouble);
	vk_event_set_job(NULL);
	return vk_fail(error, VK_ERROR_PARTIAL, "%u of %u jobs failed", failed, jobs->len);
}

gboolean vk_cmd_job_run(const VkProgram *program, const GPtrArray *jobs, const VkJobRunHow *how,
			GError **error)
{
	g_auto(GStrv) words = program_words(program);
	g_autoptr(GTimeZone) zone = g_time_zone_new_local();
	g_autoptr(json_t) report = program->json ? json_array() : NULL;
	const VkJobRunOptions options = {
		.settings = program->settings,
		.program = words,
		.silent = program->json || program->quiet,
		.due_only = how->due_only,
		.host = how->is_named ? NULL : g_get_host_name(),
		.zone = zone,
	};
	gboolean done = TRUE;

	if (how->dry_run)
		show_steps(program, jobs, report);
	else
		done = run_all(jobs, &options, report, error);
	if (report)
		vk_json_print(report);
	return done;
}
