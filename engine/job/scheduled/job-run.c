/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-run.h"

#include "errors.h"
#include "interrupt.h"
#include "job-lock.h"
#include "log.h"

void vk_job_run_clear(VkJobRun *run)
{
	g_clear_pointer(&run->steps, g_ptr_array_unref);
}

static gint64 now_sec(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

static const char *state_dir(const VkJobRunOptions *options)
{
	return vk_settings_get(options->settings, "jobs", "state_dir");
}

/*
 * Whether the job has to run now. From when on its schedule counts is remembered if it was not
 * known: by that alone nothing is due.
 */
static gboolean is_due(const VkScheduledJob *job, const VkJobRunOptions *options, VkJobState *state,
		       gboolean *ret, GError **error)
{
	guint delay = options->host ? vk_scheduled_job_delay(job, options->host) : 0;
	gint64 now = now_sec();
	const VkJobDue due = vk_job_due(job, &state->past, delay, now, options->zone);

	state->planned = due.planned;
	state->missed = due.missed;
	*ret = due.state == VK_JOB_DUE || (due.state == VK_JOB_UNKNOWN && !options->host);
	if (due.is_ahead)
		vk_log_warning("the last run of the job '%s' lies in the future: the clock was or "
			       "is wrong, and its schedule counts from now on",
			       job->name);
	if (due.state == VK_JOB_SHUT)
		vk_log_info("the job '%s' is due, and waits for its window", job->name);
	if (due.state != VK_JOB_UNKNOWN)
		return TRUE;
	state->past = (VkJobPast){.since = now};
	return *ret || vk_job_state_save(state, state_dir(options), job->name, error);
}

static gboolean has_failed_replica(const VkJobRun *run, guint count)
{
	for (guint i = 0; i < count; i++) {
		const VkJobStep *step = g_ptr_array_index(run->steps, i);

		if (step->status != 0 && g_str_equal(step->name, VK_JOB_REPLICATE))
			return TRUE;
	}
	return FALSE;
}

/* Why step number I does not run; NULL: it does. Static. */
static const char *reason_against(const VkJobRun *run, guint i)
{
	const VkJobStep *step = g_ptr_array_index(run->steps, i);

	if (vk_interrupted())
		return "interrupted";
	return step->needs_replica && has_failed_replica(run, i)
		       ? "did not run: what is not replicated must not be forgotten"
		       : NULL;
}

static void run_steps(VkJobRun *run, const VkScheduledJob *job, const VkJobRunOptions *options,
		      int lock_fd)
{
	for (guint i = 0; i < run->steps->len; i++) {
		VkJobStep *step = g_ptr_array_index(run->steps, i);
		const char *reason = reason_against(run, i);
		g_autofree char *text = vk_job_step_text(step);

		if (reason) {
			step->status = -1;
			step->error = g_strdup(reason);
			continue;
		}
		vk_log_debug("job '%s': %s", job->name, text);
		vk_job_step_run(step, options->program, job->name, lock_fd, options->silent);
	}
}

/* What failed, in words. NULL: nothing. *RET_DONE: anything was done. New string. */
static char *list_failures(const VkJobRun *run, int *ret_first, gboolean *ret_done)
{
	GString *text = g_string_new(NULL);

	*ret_first = 0;
	*ret_done = FALSE;
	for (guint i = 0; i < run->steps->len; i++) {
		const VkJobStep *step = g_ptr_array_index(run->steps, i);

		*ret_done = *ret_done || step->status == 0 || step->status == VK_ERROR_PARTIAL;
		if (step->status == 0)
			continue;
		if (text->len == 0)
			*ret_first = step->status;
		g_string_append_printf(text, "%s%s: %s", text->len > 0 ? "; " : "", step->name,
				       step->error);
	}
	if (text->len > 0)
		return g_string_free(text, FALSE);
	g_string_free(text, TRUE);
	return NULL;
}

/* An exit status of a step as an error of this process. */
static VkErrorCode code_of(int status)
{
	return status >= VK_ERROR_USAGE && status <= VK_ERROR_NOT_FOUND ? (VkErrorCode)status
									: VK_ERROR_FAILED;
}

static gboolean judge(const VkScheduledJob *job, const VkJobRun *run, VkJobState *state,
		      GError **error)
{
	int first;
	gboolean done;
	GError *trouble = NULL;

	state->error = list_failures(run, &first, &done);
	state->status = 0;
	if (!state->error)
		return TRUE;
	vk_fail(&trouble, done ? VK_ERROR_PARTIAL : code_of(first), "the job '%s' failed: %s",
		job->name, state->error);
	state->status = vk_exit_status(trouble);
	g_propagate_error(error, trouble);
	return FALSE;
}

/* Once it has run, a state that cannot be written is a warning. */
static void remember(const VkScheduledJob *job, const VkJobRunOptions *options,
		     const VkJobState *state)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_job_state_save(state, state_dir(options), job->name, &trouble))
		vk_log_warning("the run of the job '%s' is not remembered: %s", job->name,
			       trouble->message);
}

/*
 * The schedule would start a job anew at each look if nothing remembered that it ran. By hand it
 * runs in any case.
 */
static gboolean remember_start(const VkScheduledJob *job, const VkJobRunOptions *options,
			       VkJobState *state, GError **error)
{
	state->past.started = now_sec();
	state->past.ended = 0;
	if (!options->due_only) {
		remember(job, options, state);
		return TRUE;
	}
	if (vk_job_state_save(state, state_dir(options), job->name, error))
		return TRUE;
	g_prefix_error(error,
		       "the job '%s' does not run, for its schedule would start it over and "
		       "over: ",
		       job->name);
	return FALSE;
}

/* The lock; NULL without an error when a run of the schedule finds the job at work. */
static VkJobLock *take_lock(const VkScheduledJob *job, const VkJobRunOptions *options,
			    GError **error)
{
	const char *run_dir = vk_settings_get(options->settings, "backup", "run_dir");
	g_autoptr(GError) trouble = NULL;
	VkJobLock *lock = vk_job_lock_take(run_dir, job->name, &trouble);

	if (options->due_only && g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY))
		vk_log_debug("%s", trouble->message);
	else if (trouble)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return lock;
}

gboolean vk_job_run(const VkScheduledJob *job, const VkJobRunOptions *options, VkJobRun *ret,
		    GError **error)
{
	GError *trouble = NULL;
	g_autoptr(VkJobLock) lock = take_lock(job, options, &trouble);
	g_autoptr(VkJobState) state = NULL;
	gboolean due = TRUE, done;

	*ret = (VkJobRun){.steps = vk_job_steps_plan(options->settings, job->name)};
	if (trouble) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	if (!lock)
		return TRUE;
	state = vk_job_state_load(state_dir(options), job->name);
	state->planned = 0;
	state->missed = 0;
	if (options->due_only && !is_due(job, options, state, &due, error))
		return FALSE;
	if (!due)
		return TRUE;
	if (!remember_start(job, options, state, error))
		return FALSE;
	ret->ran = TRUE;
	run_steps(ret, job, options, vk_job_lock_fd(lock));
	g_clear_pointer(&state->error, g_free);
	done = judge(job, ret, state, error);
	state->past.ended = MAX(now_sec(), state->past.started);
	remember(job, options, state);
	return done;
}
