/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "virtkeep job list", "status" and "next" print. */
#include "cmd-job.h"

#include "errors.h"
#include "job-sight.h"
#include "job-steps.h"
#include "json.h"
#include "table.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <stdio.h>

/* Local time for people; "-" for none. New string. */
static char *moment_text(gint64 seconds)
{
	g_autofree char *time =
		seconds > 0 && seconds != G_MAXINT64 ? vk_time_format(seconds) : NULL;

	return time ? vk_when_local(time) : g_strdup("-");
}

static json_t *moment_to_json(gint64 seconds)
{
	g_autofree char *time =
		seconds > 0 && seconds != G_MAXINT64 ? vk_time_format(seconds) : NULL;

	return vk_json_new_string(time);
}

static const char *state_word(const VkJobSight *sight)
{
	if (sight->is_running)
		return "running";
	if (!sight->job->enabled)
		return "disabled";
	if (!sight->job->schedule)
		return "by hand";
	if (vk_job_sight_is_missed(sight))
		return "missed";
	return sight->due.state == VK_JOB_DUE || sight->due.state == VK_JOB_SHUT ? "due"
										 : "waiting";
}

static const char *result_word(const VkJobSight *sight)
{
	if (vk_job_sight_was_cut_off(sight))
		return "cut off";
	if (!vk_job_sight_has_ended(sight))
		return "-";
	return sight->state->status == 0 ? "done" : "failed";
}

static void add_note(GString *notes, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add_note(GString *notes, const char *format, ...)
{
	va_list args;

	if (notes->len > 0)
		g_string_append(notes, "; ");
	va_start(args, format);
	g_string_append_vprintf(notes, format, args);
	va_end(args);
}

/* New string. */
static char *note_text(const VkJobSight *sight)
{
	const VkJobState *state = sight->state;
	GString *notes = g_string_new(NULL);

	if (vk_job_sight_is_missed(sight)) {
		g_autofree char *planned = moment_text(sight->due.planned);

		add_note(notes, "missed: should have run at %s", planned);
		if (sight->due.missed > 1)
			add_note(notes, "%u runs are missing", sight->due.missed);
	}
	if (sight->due.state == VK_JOB_SHUT) {
		g_autofree char *begin = vk_time_window_begin(&sight->job->window);

		add_note(notes, "waits for its window at %s", begin);
	}
	if (vk_job_sight_was_cut_off(sight))
		add_note(notes, "the last run ended without a result");
	if (vk_job_sight_has_ended(sight) && state->error)
		add_note(notes, "last run: %s", state->error);
	if (state->planned > 0 && state->past.started - state->planned >
					  VK_JOB_GRACE_SEC + (gint64)sight->job->delay_sec) {
		g_autofree char *planned = moment_text(state->planned);

		add_note(notes, "the last run was late: it should have run at %s", planned);
	}
	return g_string_free(notes, FALSE);
}

static void add_status(VkTable *table, const VkJobSight *sight)
{
	const VkJobPast *past = &sight->state->past;
	g_autofree char *started = moment_text(past->started);
	g_autofree char *next = moment_text(sight->due.next);
	g_autofree char *note = note_text(sight);
	g_autofree char *took =
		vk_job_sight_has_ended(sight) && past->started > 0
			? vk_duration_text((guint64)(past->ended - past->started) * G_USEC_PER_SEC)
			: g_strdup("-");

	vk_table_add(table, sight->job->name, state_word(sight), started, result_word(sight), took,
		     next, note, NULL);
}

static json_t *status_to_json(const VkJobSight *sight)
{
	const VkJobState *state = sight->state;
	gboolean ended = vk_job_sight_has_ended(sight) && state->past.started > 0;
	json_t *object = json_pack("{s:s, s:s, s:b}", "job", sight->job->name, "state",
				   state_word(sight), "enabled", sight->job->enabled);

	json_object_set_new(object, "started", moment_to_json(state->past.started));
	json_object_set_new(object, "ended", moment_to_json(ended ? state->past.ended : 0));
	json_object_set_new(object, "status", ended ? json_integer(state->status) : json_null());
	json_object_set_new(object, "error",
			    ended ? vk_json_new_string(state->error) : json_null());
	json_object_set_new(object, "planned", moment_to_json(state->planned));
	json_object_set_new(object, "should_have_run",
			    moment_to_json(vk_job_sight_is_missed(sight) ? sight->due.planned : 0));
	json_object_set_new(object, "missed",
			    json_integer(vk_job_sight_is_missed(sight) ? sight->due.missed : 0));
	json_object_set_new(object, "next", moment_to_json(sight->due.next));
	return object;
}

gboolean vk_cmd_job_status(const VkProgram *program, const GPtrArray *jobs, GError **error)
{
	g_autoptr(VkTable) table =
		vk_table_new("JOB", "STATE", "LAST RUN", "RESULT", "TOOK", "NEXT", "NOTE", NULL);
	g_autoptr(json_t) report = program->json ? json_array() : NULL;
	g_autofree char *all = vk_count_text(jobs->len, "job");
	guint bad = 0;

	for (guint i = 0; i < jobs->len; i++) {
		g_auto(VkJobSight) sight =
			vk_job_sight_load(program->settings, g_ptr_array_index(jobs, i));

		bad += vk_job_sight_is_missed(&sight) || vk_job_sight_has_failed(&sight);
		if (report)
			json_array_append_new(report, status_to_json(&sight));
		else
			add_status(table, &sight);
	}
	if (report)
		vk_json_print(report);
	else if (jobs->len > 0)
		vk_table_print(table);
	return bad == 0 || vk_fail(error, VK_ERROR_PARTIAL, "failed or missed: %u of %s", bad, all);
}

/* ---- what they do ---- */

static char *words_text(const VkProgram *program, const VkScheduledJob *job, const char *key,
			const char *prefix)
{
	g_autofree char *section = g_strdup_printf("job %s", job->name);
	g_auto(GStrv) words = vk_settings_get_words(program->settings, section, key);
	GString *text = g_string_new(NULL);

	for (char **word = words; *word; word++)
		g_string_append_printf(text, "%s%s%s", text->len > 0 ? " " : "", prefix, *word);
	return g_string_free(text, FALSE);
}

/* "web* tag:gold, without db1". New string. */
static char *guests_text(const VkProgram *program, const VkScheduledJob *job)
{
	g_autofree char *guests = words_text(program, job, "guests", "");
	g_autofree char *tags = words_text(program, job, "tags", "tag:");
	g_autofree char *exclude = words_text(program, job, "exclude", "");
	const char *between = *guests && *tags ? " " : "";

	return g_strdup_printf("%s%s%s%s%s%s", guests, between, tags, *guests || *tags ? "" : "all",
			       *exclude ? ", without " : "", exclude);
}

static char *steps_text(const VkProgram *program, const VkScheduledJob *job)
{
	g_autoptr(GPtrArray) steps = vk_job_steps_plan(program->settings, job->name);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < steps->len; i++)
		g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
				       ((const VkJobStep *)g_ptr_array_index(steps, i))->name);
	return g_string_free(text, FALSE);
}

static const char *setting(const VkProgram *program, const VkScheduledJob *job, const char *key)
{
	return vk_settings_get_named(program->settings, "job", job->name, key);
}

gboolean vk_cmd_job_list(const VkProgram *program, const GPtrArray *jobs, GError **error)
{
	g_autoptr(VkTable) table =
		vk_table_new("JOB", "ENABLED", "SCHEDULE", "WINDOW", "GUESTS", "DOES", NULL);
	g_autoptr(json_t) report = program->json ? json_array() : NULL;

	for (guint i = 0; i < jobs->len; i++) {
		const VkScheduledJob *job = g_ptr_array_index(jobs, i);
		g_autofree char *guests = guests_text(program, job);
		g_autofree char *steps = steps_text(program, job);
		const char *schedule = setting(program, job, "schedule");
		const char *window = setting(program, job, "window");

		if (report)
			json_array_append_new(report,
					      json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "job",
							job->name, "enabled", job->enabled,
							"schedule", vk_json_new_string(schedule),
							"window", vk_json_new_string(window),
							"guests", vk_json_new_string(guests),
							"does", vk_json_new_string(steps)));
		else
			vk_table_add(table, job->name, job->enabled ? "yes" : "no",
				     schedule ? schedule : "-", window ? window : "-", guests,
				     steps, NULL);
	}
	if (report)
		vk_json_print(report);
	else if (jobs->len > 0)
		vk_table_print(table);
	return TRUE;
}

gboolean vk_cmd_job_next(const VkProgram *program, const GPtrArray *jobs, guint count,
			 GError **error)
{
	g_autoptr(VkTable) table = vk_table_new("JOB", "NEXT", NULL);
	g_autoptr(GTimeZone) zone = g_time_zone_new_local();
	g_autoptr(json_t) report = program->json ? json_array() : NULL;

	for (guint i = 0; i < jobs->len; i++) {
		const VkScheduledJob *job = g_ptr_array_index(jobs, i);
		gint64 moment = g_get_real_time() / G_USEC_PER_SEC;

		for (guint j = 0; j < count && job->schedule && job->enabled; j++) {
			g_autofree char *text = NULL;

			moment = vk_schedule_next(job->schedule, moment, zone);
			text = moment_text(moment);
			if (report)
				json_array_append_new(report,
						      json_pack("{s:s, s:o}", "job", job->name,
								"next", moment_to_json(moment)));
			else
				vk_table_add(table, job->name, text, NULL);
		}
	}
	if (report)
		vk_json_print(report);
	else if (jobs->len > 0)
		vk_table_print(table);
	return TRUE;
}
