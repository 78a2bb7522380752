/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metrics-priv.h"

#include "errors.h"
#include "history.h"
#include "log.h"

#include <string.h>

/* Of each kind: more are not looked at. */
#define TASKS_MAX 1000u

/* The executions of one kind, of one job or of none; replications to one vault. */
typedef struct {
	char *target;       /* that vault; not NULL */
	const VkTask *last; /* the newest that has ended */
	const VkTask *good; /* the newest that succeeded; NULL: none */
	guint failures;     /* that are newer than this */
} Run;

static void run_free(gpointer data)
{
	Run *run = data;

	g_free(run->target);
	g_free(run);
}

static gboolean has_failed(const VkTask *task)
{
	return task->ended == 0 || task->status != 0;
}

static Run *find_run(GPtrArray *runs, const VkTask *task)
{
	g_autofree char *target = vk_task_target(task);
	Run *fresh;

	if (!target)
		target = g_strdup("");
	for (guint i = 0; i < runs->len; i++) {
		Run *run = g_ptr_array_index(runs, i);

		if (strcmp(run->last->kind, task->kind) == 0 &&
		    g_strcmp0(run->last->job, task->job) == 0 && strcmp(run->target, target) == 0)
			return run;
	}
	fresh = g_new0(Run, 1);
	fresh->target = g_steal_pointer(&target);
	fresh->last = task;
	g_ptr_array_add(runs, fresh);
	return fresh;
}

/* TASKS are newest first. */
static void add_tasks(GPtrArray *runs, const GPtrArray *tasks)
{
	for (guint i = 0; i < tasks->len; i++) {
		const VkTask *task = g_ptr_array_index(tasks, i);
		Run *run = task->running ? NULL : find_run(runs, task);

		if (!run || run->good)
			continue;
		run->failures += has_failed(task);
		if (!has_failed(task))
			run->good = task;
	}
}

static gboolean begin_time(const Run *run, double *ret)
{
	*ret = (double)run->last->began / G_USEC_PER_SEC;
	return TRUE;
}

static gboolean end_time(const Run *run, double *ret)
{
	*ret = (double)run->last->ended / G_USEC_PER_SEC;
	return run->last->ended > 0;
}

static gboolean duration(const Run *run, double *ret)
{
	*ret = (double)(run->last->ended - run->last->began) / G_USEC_PER_SEC;
	return run->last->ended > 0;
}

static gboolean exit_status(const Run *run, double *ret)
{
	*ret = run->last->status;
	return run->last->ended > 0;
}

static gboolean success_time(const Run *run, double *ret)
{
	*ret = run->good ? (double)run->good->ended / G_USEC_PER_SEC : 0;
	return run->good != NULL;
}

static gboolean failures(const Run *run, double *ret)
{
	*ret = run->failures;
	return TRUE;
}

static const struct {
	const char *name, *help;
	gboolean (*value)(const Run *run, double *ret); /* FALSE: there is none */
} metrics[] = {
	{"virtkeep_run_last_begin_timestamp_seconds", "When the last run of this kind began.",
	 begin_time},
	{"virtkeep_run_last_end_timestamp_seconds", "When it ended, unless it was interrupted.",
	 end_time},
	{"virtkeep_run_last_duration_seconds", "How long that took.", duration},
	{"virtkeep_run_last_exit_status", "Its exit status.", exit_status},
	{"virtkeep_run_last_success_timestamp_seconds", "When one last succeeded.", success_time},
	{"virtkeep_run_failures", "Runs that failed, or were interrupted, since then.", failures},
};

/* Those of HISTORY that worked on VAULT, newest first; NULL with a warning. */
static GPtrArray *load_tasks(VkHistory *history, const VkVault *vault, const char *kind)
{
	const VkHistoryFilter filter = {.kind = kind, .max = TASKS_MAX};
	g_autoptr(GError) trouble = NULL;
	GPtrArray *tasks = vk_history_list(history, &filter, &trouble);

	if (!tasks)
		vk_log_warning("the metrics say nothing of '%s': %s", kind, trouble->message);
	for (guint i = tasks ? tasks->len : 0; i > 0; i--) {
		const VkTask *task = g_ptr_array_index(tasks, i - 1);

		if (g_strcmp0(task->vault_id, vk_vault_id(vault)) != 0)
			g_ptr_array_remove_index(tasks, i - 1);
	}
	return tasks;
}

static void print_runs(VkExposition *exposition, VkVault *vault, const GPtrArray *runs)
{
	double value;

	for (gsize k = 0; k < G_N_ELEMENTS(metrics); k++) {
		vk_exposition_begin(exposition, metrics[k].name, metrics[k].help);
		for (guint i = 0; i < runs->len; i++) {
			const Run *run = g_ptr_array_index(runs, i);

			if (metrics[k].value(run, &value))
				vk_exposition_add(exposition, value, "vault", vk_vault_url(vault),
						  "kind", run->last->kind, "job",
						  run->last->job ? run->last->job : "", "target",
						  run->target, NULL);
		}
	}
}

void vk_metrics_add_runs(VkExposition *exposition, VkVault *vault, const char *directory)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkHistory) history = vk_history_open(directory, FALSE, &trouble);
	g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(run_free);
	g_autoptr(GPtrArray) owned =
		g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);

	if (!history && !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		vk_log_warning("the metrics say nothing of runs: %s", trouble->message);
	for (const char *const *kind = vk_task_kinds; history && *kind; kind++) {
		GPtrArray *tasks = load_tasks(history, vault, *kind);

		if (!tasks)
			continue;
		g_ptr_array_add(owned, tasks);
		add_tasks(runs, tasks);
	}
	print_runs(exposition, vault, runs);
}
