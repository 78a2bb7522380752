/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep job". */
#include "cmd-forget.h"
#include "cmd-job.h"
#include "cmd.h"

#include "errors.h"
#include "job-units.h"
#include "keep-jobs.h"
#include "log.h"
#include "settings-file.h"
#include "text.h"

#include <string.h>

#define COUNT_MAX 1000

/* The command line. */
typedef struct {
	gboolean due, dry_run;
	char *count;
	char **words; /* borrowed: the jobs that are named, or the directory */
} Arguments;

static void arguments_clear(Arguments *arguments)
{
	g_free(arguments->count);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

typedef gboolean (*ActionFunc)(const VkProgram *program, const GPtrArray *jobs,
			       const Arguments *arguments, GError **error);

static gboolean list(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
		     GError **error)
{
	return vk_cmd_job_list(program, jobs, error);
}

static gboolean status(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
		       GError **error)
{
	return vk_cmd_job_status(program, jobs, error);
}

static gboolean next(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
		     GError **error)
{
	guint64 count = 1;

	if (arguments->count &&
	    !g_ascii_string_to_unsigned(arguments->count, 10, 1, COUNT_MAX, &count, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--count: must be a whole number from 1 to %d, not '%s'", COUNT_MAX,
			       arguments->count);
	return vk_cmd_job_next(program, jobs, (guint)count, error);
}

static gboolean run(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
		    GError **error)
{
	const VkJobRunHow how = {.due_only = arguments->due,
				 .is_named = arguments->words[0] != NULL,
				 .dry_run = arguments->dry_run};

	if (!how.is_named && !how.due_only)
		return vk_fail(error, VK_ERROR_USAGE,
			       "no job named: name some, or use --due; 'virtkeep job list' shows "
			       "what there is");
	return vk_cmd_job_run(program, jobs, &how, error);
}

/* Its rules may meet snapshots with its label that others took, and kept for years. */
static void tell_first_forgetting(const VkProgram *program, const char *job)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *snapshots = NULL;
	guint count;

	if (!vk_keep_job_has_rules(program->settings, job))
		return;
	if (!vk_forget_count(program, job, &count, &trouble)) {
		vk_log_warning("what the job '%s' would forget now is not known: %s", job,
			       trouble->message);
		return;
	}
	snapshots = vk_count_text(count, "snapshot");
	if (count > 0)
		vk_log_warning("by its rules the job '%s' would forget %s now: 'virtkeep forget "
			       "--policy --job %s --dry-run' shows them",
			       job, snapshots, job);
}

/* For systemd the timers are made anew; cron's next call finds it in the configuration. */
static gboolean set_enabled(const VkProgram *program, const VkScheduledJob *job, gboolean enabled,
			    GError **error)
{
	const char *path = vk_settings_path(program->settings);
	g_autofree char *section = g_strdup_printf("job %s", job->name);
	gboolean changed, reached;

	if (enabled && !job->schedule)
		return vk_fail(error, VK_ERROR_USAGE,
			       "[%s] has no schedule: write one, such as schedule = daily, into "
			       "'%s'",
			       section, path);
	if (!vk_settings_file_set(path, section, "enabled", enabled ? "yes" : "no", &changed,
				  error))
		return FALSE;
	if (!vk_job_units_apply(job->name, enabled, &reached, error)) {
		g_prefix_error(error, "'%s' is changed, but the timer is not: ", path);
		return FALSE;
	}
	vk_log_info("the job '%s' is %s%s", job->name, enabled ? "enabled" : "disabled",
		    reached    ? ""
		    : !enabled ? ""
			       : "; without systemd, have cron run 'virtkeep job run --due'");
	if (enabled)
		tell_first_forgetting(program, job->name);
	return TRUE;
}

static gboolean set_all(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
			gboolean enabled, GError **error)
{
	if (!arguments->words[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no job named; 'virtkeep job list' shows what there is");
	for (guint i = 0; i < jobs->len; i++)
		if (!set_enabled(program, g_ptr_array_index(jobs, i), enabled, error))
			return FALSE;
	return TRUE;
}

static gboolean enable(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
		       GError **error)
{
	return set_all(program, jobs, arguments, TRUE, error);
}

static gboolean disable(const VkProgram *program, const GPtrArray *jobs, const Arguments *arguments,
			GError **error)
{
	return set_all(program, jobs, arguments, FALSE, error);
}

static const struct {
	const char *name;
	ActionFunc act;
} actions[] = {
	{"list", list}, {"status", status}, {"next", next},
	{"run", run},   {"enable", enable}, {"disable", disable},
};

static gboolean write_units(const VkProgram *program, const Arguments *arguments, GError **error)
{
	char *none[] = {NULL};
	g_autoptr(GPtrArray) jobs = vk_scheduled_jobs_load(program->settings, none, error);

	if (!arguments->words[0] || arguments->words[1])
		return vk_fail(error, VK_ERROR_USAGE,
			       "job units: name the directory for the timers");
	return jobs && vk_job_units_write(jobs, arguments->words[0],
					  vk_settings_path(program->settings), error);
}

static gboolean check_options(const Arguments *arguments, const char *action, GError **error)
{
	if ((arguments->due || arguments->dry_run) && strcmp(action, "run") != 0)
		return vk_fail(error, VK_ERROR_USAGE, "%s is for 'job run'",
			       arguments->due ? "--due" : "--dry-run");
	return !arguments->count || strcmp(action, "next") == 0 ||
	       vk_fail(error, VK_ERROR_USAGE, "--count is for 'job next'");
}

static gboolean act(const VkProgram *program, const char *action, const Arguments *arguments,
		    GError **error)
{
	g_autoptr(GPtrArray) jobs = NULL;

	if (!check_options(arguments, action, error))
		return FALSE;
	if (strcmp(action, "units") == 0)
		return write_units(program, arguments, error);
	for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
		if (strcmp(actions[i].name, action) == 0) {
			jobs = vk_scheduled_jobs_load(program->settings, arguments->words, error);
			return jobs && actions[i].act(program, jobs, arguments, error);
		}
	return vk_fail(error, VK_ERROR_USAGE, "'job %s' is no command: try 'virtkeep job --help'",
		       action);
}

gboolean vk_cmd_job(VkProgram *program, int argc, char **argv, GError **error)
{
	g_auto(Arguments) arguments = {0};
	const GOptionEntry entries[] = {
		{"due", 0, 0, G_OPTION_ARG_NONE, &arguments.due,
		 "Run those that are due, and do nothing if there is none", NULL},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &arguments.dry_run,
		 "Print the commands that would be run", NULL},
		{"count", 0, 0, G_OPTION_ARG_STRING, &arguments.count,
		 "How many moments to print of each job (default 1)", "N"},
		G_OPTION_ENTRY_NULL,
	};
	char **words = NULL;

	if (!vk_cmd_parse(program, "job list|status|next|run|enable|disable [JOB...]",
			  "Runs the jobs of the configuration, and shows what they do, when they "
			  "run next, and\nhow their last runs went. 'job run --due' is for cron; "
			  "systemd has timers for them.",
			  entries, -1, argc, argv, &words, error))
		return FALSE;
	if (!words[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "say what to do, such as 'job list': try 'virtkeep job --help'");
	arguments.words = words + 1;
	return act(program, words[0], &arguments, error);
}
