/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep-restore: brings back guests, disks and files from a vault.
 */
#include "apply.h"
#include "array-drivers.h"
#include "catalog.h"
#include "command-line.h"
#include "complete.h"
#include "complete-words.h"
#include "current-task.h"
#include "errors.h"
#include "event.h"
#include "finish.h"
#include "log.h"
#include "loss.h"
#include "open-vault.h"
#include "plan-make.h"
#include "interrupt.h"
#include "program.h"
#include "json.h"
#include "report.h"
#include "room.h"
#include "timestamp.h"
#include "when.h"
#include "text.h"
#include "vault-section.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct Run {
	VkProgram program;
	VkRestoreOptions options;
	char **vaults;      /* what vk_open_vault() takes: the first is the one that is meant */
	GPtrArray *opened;  /* VkVault of each, NULL: it is not open */
	gboolean *is_tried; /* whether it was to be opened */
	VkOtherVaults others;
	VkArrays *arrays;
	VkLazyHost *host;
	VkFacts *facts;
	GPtrArray *jobs;    /* VkRestoreJob */
	gboolean on_stderr; /* stdout belongs to a file or to JSON */
} Run;

static void job_free(gpointer data)
{
	VkRestoreJob *job = data;

	vk_restore_plan_free(job->plan);
	vk_view_free(job->view);
	g_clear_error(&job->error);
	g_free(job);
}

static void close_vault(gpointer vault)
{
	vk_vault_free(vault); /* takes NULL */
}

static gboolean parse(Run *run, int *argc, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	vk_restore_options_add(&run->options, NULL, context);
	vk_program_add_options(&run->program, context);
	if (!vk_program_parse(&run->program, context, argc, argv, error))
		return FALSE;
	run->program.command = "restore";
	if (!vk_program_start(&run->program, error))
		return FALSE;
	if (!run->options.snapshots && run->options.in_place)
		run->options.snapshots = vk_settings_get_words(run->program.settings, "restore",
							       "KVM_RESTORE_VM_LIST");
	run->on_stderr = run->program.json || vk_restore_options_has_stdout(&run->options);
	return vk_restore_options_check(&run->options, run->program.json, error);
}

/* The user reads what a date stands for before anything is done with it. */
static void tell_snapshot(const char *reference, const VkSnapshot *snapshot)
{
	g_autofree char *found = vk_snapshot_reference(snapshot);
	g_autofree char *time = vk_when_local(snapshot->time);
	const char *at = strrchr(reference, '@');

	if (at && strcmp(at + 1, VK_TIME_LATEST) != 0 && strcmp(at + 1, snapshot->time) != 0)
		vk_log_info("'%s' is '%s', of %s", reference, found, time);
}

/* The vault number I, opened when it is needed for the first time. Borrowed. */
static VkVault *get_vault(Run *run, guint i, GError **error)
{
	VkCopyReader reader = vk_arrays_reader(run->arrays);
	VkVault *vault = g_ptr_array_index(run->opened, i);

	if (vault)
		return vault;
	vault = vk_open_vault_to_read(&run->program, run->vaults[i], TRUE, error);
	if (vault)
		vk_vault_set_copy_reader(vault, &reader);
	run->opened->pdata[i] = vault;
	return vault;
}

/* Of VkOtherVaults: number I behind the first one. One that is away is told of once. */
static VkVault *get_other(gpointer user, guint i)
{
	Run *run = user;
	g_autoptr(GError) trouble = NULL;
	VkVault *vault;

	if (run->is_tried[i + 1])
		return g_ptr_array_index(run->opened, i + 1);
	run->is_tried[i + 1] = TRUE;
	vault = get_vault(run, i + 1, &trouble);
	if (!vault)
		vk_log_warning("%s", trouble->message);
	return vault;
}

static void tell_of_others(const Run *run)
{
	if (run->others.count > 0 && !run->options.all_vaults)
		vk_log_info("with --all-vaults the other vaults of the configuration are asked as "
			    "well");
}

/* In the first vault that has it. Sets the error of the first one if none has. */
static VkSnapshot *find_snapshot(Run *run, const char *reference, VkVault **ret_vault,
				 GError **error)
{
	g_autoptr(GError) first = NULL;
	VkSnapshot *snapshot = NULL;

	*ret_vault = get_vault(run, 0, &first);
	if (*ret_vault && vk_vault_may_read_blocks(*ret_vault, &first))
		snapshot = vk_catalog_find(*ret_vault, reference, &first);
	for (guint i = 0; !snapshot && run->options.all_vaults && i < run->others.count; i++) {
		*ret_vault = get_other(run, i);
		if (*ret_vault && vk_vault_may_read_blocks(*ret_vault, NULL))
			snapshot = vk_catalog_find(*ret_vault, reference, NULL);
		if (snapshot)
			vk_log_warning("%s; '%s' is taken from the vault '%s'", first->message,
				       reference, vk_vault_url(*ret_vault));
	}
	if (snapshot)
		return snapshot;
	tell_of_others(run);
	g_propagate_error(error, g_steal_pointer(&first));
	return NULL;
}

/* Finds the snapshot and makes the plan. A failure is the job's. */
static VkRestoreJob *plan_job(Run *run, const char *reference)
{
	VkRestoreJob *job = g_new0(VkRestoreJob, 1);
	VkVault *vault;
	VkSnapshot *snapshot = find_snapshot(run, reference, &vault, &job->error);

	job->reference = reference;
	if (!snapshot)
		return job;
	tell_snapshot(reference, snapshot);
	job->view = vk_view_new(vault, snapshot);
	if (vault == g_ptr_array_index(run->opened, 0))
		vk_view_set_others(job->view, &run->others);
	/* Until the job is freed. What is only planned holds nothing. */
	if (!run->options.dry_run && !vk_view_hold(job->view, &job->error))
		return job;
	job->plan = vk_restore_plan_make(&run->options, job->view, run->facts, &job->error);
	if (job->plan &&
	    !vk_restore_plan_check_outside(job->plan, vk_vault_directory(vault), &job->error))
		g_clear_pointer(&job->plan, vk_restore_plan_free);
	return job;
}

static void find_room(VkRoom *room, VkRestoreJob *job)
{
	if (job->plan && !vk_room_take(room, job->plan, &job->error))
		g_clear_pointer(&job->plan, vk_restore_plan_free);
}

static gboolean plan_all(Run *run, GError **error)
{
	g_autoptr(GPtrArray) plans = g_ptr_array_new();
	g_autoptr(VkRoom) room = vk_room_new();

	for (char **reference = run->options.snapshots; *reference; reference++) {
		VkRestoreJob *job = plan_job(run, *reference);

		find_room(room, job);
		g_ptr_array_add(run->jobs, job);
		if (job->plan)
			g_ptr_array_add(plans, job->plan);
	}
	return vk_restore_plan_check_distinct(plans, error);
}

static void show_plan(const Run *run, const VkRestoreJob *job)
{
	if (run->options.dry_run || run->options.in_place) {
		/* With --dry-run the plan is what was asked for. */
		if (!vk_log_is_quiet() || (run->options.dry_run && !run->on_stderr))
			vk_report_plan(job, run->on_stderr);
		return;
	}
	for (guint i = 0; i < job->plan->notes->len; i++)
		vk_log_warning("'%s': %s", job->plan->reference,
			       (const char *)g_ptr_array_index(job->plan->notes, i));
}

static void apply(Run *run, VkRestoreJob *job)
{
	const VkSettings *settings = run->program.settings;
	const VkApplyTools tools = {
		.host = run->host,
		.arrays = run->arrays,
		.run_dir = vk_settings_get(settings, "backup", "run_dir"),
		.shutdown_timeout_sec =
			(guint)vk_settings_get_uint(settings, "restore", "shutdown_timeout"),
	};
	gint64 begun = g_get_monotonic_time();

	if (vk_interrupted()) {
		vk_fail_interrupted(&job->error);
	} else {
		if (vk_apply(job->plan, &tools, &job->applied, &job->error) && !run->program.json &&
		    !vk_log_is_quiet())
			vk_report_done(job, run->on_stderr);
		vk_report_missing(job);
	}
	job->usec = g_get_monotonic_time() - begun;
}

static void apply_all(Run *run)
{
	for (guint i = 0; i < run->jobs->len; i++) {
		VkRestoreJob *job = g_ptr_array_index(run->jobs, i);

		if (job->plan)
			show_plan(run, job);
		if (job->plan && job->plan->back_to && !run->options.force && !run->options.dry_run)
			vk_loss_confirm(job->plan, &job->error);
	}
	for (guint i = 0; i < run->jobs->len; i++) {
		VkRestoreJob *job = g_ptr_array_index(run->jobs, i);

		vk_event_set_subject(job->plan ? job->plan->guest : NULL,
				     job->plan ? job->plan->reference : NULL);
		if (job->plan && !job->error && !run->options.dry_run)
			apply(run, job);
		if (!run->options.dry_run || job->error)
			vk_report_event(job);
	}
	vk_event_set_subject(NULL, NULL);
}

/* Each failure is logged already. What is done is not undone. */
static void tell_interruption(const Run *run)
{
	g_autofree char *all = vk_count_text(run->jobs->len, "snapshot");
	g_autoptr(GString) done = g_string_new(NULL);
	guint count = 0;

	if (!vk_interrupted() || run->jobs->len == 1)
		return;
	for (guint i = 0; i < run->jobs->len; i++) {
		const VkRestoreJob *job = g_ptr_array_index(run->jobs, i);

		if (!job->error)
			g_string_append_printf(done, "%s%s", count++ ? ", " : ": ",
					       job->plan->reference);
	}
	vk_log_error("interrupted: %u of %s restored%s", count, all, done->str);
}

/* Without the others, the first one must be there. */
static gboolean find_vaults(Run *run, GError **error)
{
	VkVault *vault;
	guint count;

	run->vaults = vk_vault_all(&run->program, error);
	if (!run->vaults)
		return FALSE;
	count = g_strv_length(run->vaults);
	g_ptr_array_set_size(run->opened, (gint)count);
	run->is_tried = g_new0(gboolean, count);
	run->others = (VkOtherVaults){.get = get_other, .count = count - 1, .user = run};
	if (run->options.all_vaults)
		return TRUE;
	vault = get_vault(run, 0, error);
	if (!vault)
		tell_of_others(run);
	return vault && vk_vault_may_read_blocks(vault, error);
}

static int run_all(Run *run, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) report = NULL;

	if (!parse(run, &argc, &argv, &error))
		return vk_program_end(error);
	if (!run->options.dry_run)
		vk_task_begin(run->program.settings, "restore");
	run->arrays = vk_arrays_new(run->program.settings, vk_log_warning, &error);
	if (!run->arrays || !find_vaults(run, &error))
		return vk_program_end(error);
	run->host = vk_lazy_host_new(vk_program_libvirt_uri(&run->program));
	run->facts = vk_facts_new(run->host, run->arrays);
	if (!plan_all(run, &error))
		return vk_program_end(error);
	apply_all(run);
	tell_interruption(run);
	report = vk_report_to_json(run->jobs, run->options.dry_run);
	vk_task_result(report, run->program.json);
	return vk_program_end_told(vk_report_status(run->jobs));
}

/* The disks or files of the first snapshot on the line; behind the '=', what the host has. */
static void complete_parts(Run *run, const VkCompletion *completion, gboolean disks)
{
	const char *url = vk_program_vault_url(&run->program, NULL);
	g_autoptr(VkVault) vault = url ? vk_vault_open(url, VK_VAULT_READ, NULL) : NULL;
	char **references = run->options.snapshots;
	VkSnapshot *snapshot =
		vault && references ? vk_catalog_find(vault, references[0], NULL) : NULL;
	g_autoptr(VkView) view = snapshot ? vk_view_new(vault, snapshot) : NULL;
	const GPtrArray *files = view && !disks ? vk_view_files(view) : NULL;

	for (guint i = 0; snapshot && disks && i < snapshot->disks->len; i++)
		vk_completion_offer(completion,
				    ((VkDiskRecord *)g_ptr_array_index(snapshot->disks, i))->target,
				    NULL);
	for (guint i = 0; files && i < files->len; i++)
		vk_completion_offer(completion, ((VkViewFile *)g_ptr_array_index(files, i))->name,
				    NULL);
}

static gboolean complete_kind(const VkCompletion *completion, const char *kind, gpointer data)
{
	gboolean disks = strcmp(kind, "TARGET[=PATH]") == 0;
	Run *run = data;

	if (!disks && strcmp(kind, "NAME[=DEST]") != 0)
		return vk_complete_words(completion, kind, &run->program);
	if (vk_completion_has_equals(completion))
		puts(VK_COMPLETE_FILES);
	else
		complete_parts(run, completion, disks);
	return TRUE;
}

static int complete(Run *run, char **words)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	VkProgram *program = &run->program;

	program->completion = vk_completion_new(words);
	if (!program->completion)
		return VK_ERROR_USAGE;
	vk_restore_options_add(&run->options, program->completion, context);
	vk_program_add_options(program, context);
	g_strfreev(vk_completion_parse(program->completion, context));
	program->version = program->verbose = FALSE;
	program->quiet = TRUE;
	vk_program_start(program, NULL);
	vk_completion_answer(program->completion, "virtkeep-restore SNAPSHOT...",
			     program->settings ? complete_kind : NULL, run);
	return 0;
}

int main(int argc, char **argv)
{
	Run run = {.jobs = g_ptr_array_new_with_free_func(job_free),
		   .opened = g_ptr_array_new_with_free_func(close_vault)};
	int status;

	/* Names are bytes to us, but GLib converts its messages to the user's character set. */
	/* Only how text is encoded: messages stay in one language, so that scripts can match. */
	setlocale(LC_CTYPE, "");
	vk_finish_prepare();
	if (argc > 1 && strcmp(argv[1], VK_COMPLETE_OPTION) == 0)
		status = complete(&run, argv + 2);
	else
		status = run_all(&run, argc, argv);
	vk_finish(run.program.settings, status);
	g_ptr_array_unref(run.jobs);
	vk_facts_free(run.facts);
	vk_lazy_host_free(run.host);
	g_ptr_array_unref(run.opened);
	g_strfreev(run.vaults);
	g_free(run.is_tried);
	vk_arrays_free(run.arrays);
	vk_restore_options_clear(&run.options);
	vk_program_clear(&run.program);
	return status;
}
