/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-backup.h"
#include "cmd.h"

#include "backup.h"
#include "current-task.h"
#include "errors.h"
#include "event.h"
#include "hooks.h"
#include "interrupt.h"
#include "log.h"
#include "open-vault.h"
#include "retention.h"
#include "status-line.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The errors that hooks learn have to fit into their environment. */
#define FACT_LENGTH_MAX (32u << 10)

/* The guest's line and a table of its disks, as soon as it is done. */
static void tell_snapshot(const VkSnapshot *snapshot, gpointer data)
{
	/* It has an entry of its own there. */
	if (vk_event_is_journal(STDOUT_FILENO))
		return;
	vk_status_line_hide();
	vk_cmd_backup_print_snapshot(snapshot);
	vk_status_line_show();
}

static gboolean fail_interrupted(const VkBackupResult *result, GError **error)
{
	g_autofree char *guests = vk_count_text(result->guests, "guest");
	g_autoptr(GString) saved = g_string_new(NULL);

	for (guint i = 0; i < result->snapshots->len; i++) {
		g_autofree char *reference =
			vk_snapshot_reference(g_ptr_array_index(result->snapshots, i));

		g_string_append_printf(saved, "%s%s", i ? ", " : "", reference);
	}
	if (saved->len == 0)
		return vk_fail(error, VK_ERROR_FAILED, "interrupted: no guest was saved");
	return vk_fail(error, VK_ERROR_PARTIAL, "interrupted: %u of %s saved: %s",
		       result->snapshots->len, guests, saved->str);
}

/*
 * The last line, and the exit status. Failures were logged when they happened, but for that of a
 * guest named alone.
 */
static gboolean judge(const VkBackupResult *result, GError **error)
{
	const GPtrArray *failed = result->failed;
	const VkBackupFailure *last;
	g_autofree char *guests = vk_count_text(result->guests, "guest");
	g_autofree char *failures = vk_count_text(failed->len, "failure");

	if (vk_interrupted())
		return fail_interrupted(result, error);
	if (failed->len == 0)
		return TRUE;
	if (result->snapshots->len > 0)
		return vk_fail(error, VK_ERROR_PARTIAL, "%u of %s saved, %s",
			       result->snapshots->len, guests, failures);
	if (!result->alone)
		return vk_fail(error, VK_ERROR_FAILED, "no guest was saved: %s", failures);
	last = g_ptr_array_index(failed, failed->len - 1);
	g_propagate_error(error, g_error_copy(last->error));
	return FALSE;
}

/* The options of the command line, over those of the configuration. */
typedef struct {
	gboolean all, dry_run, group, strict, compare, replicate;
	char *mode, *label, *quiesce;
	char **mountpoints, **tags, **exclude;
	char *budget, *parallel, *rate, *wait; /* NULL: as configured */
} Arguments;

static void arguments_clear(Arguments *arguments)
{
	g_free(arguments->mode);
	g_free(arguments->label);
	g_free(arguments->quiesce);
	g_strfreev(arguments->mountpoints);
	g_strfreev(arguments->tags);
	g_strfreev(arguments->exclude);
	g_free(arguments->budget);
	g_free(arguments->parallel);
	g_free(arguments->rate);
	g_free(arguments->wait);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static gboolean check_guests(const Arguments *arguments, char *const *names, GError **error)
{
	if (arguments->all && (names[0] || arguments->tags))
		return vk_fail(error, VK_ERROR_USAGE, "--all and %s exclude each other",
			       names[0] ? "GUEST" : "--tag");
	return arguments->all || names[0] || arguments->tags ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "no guest named: name some, or use --tag or --all; "
		       "'virtkeep discover' shows what there is");
}

/* An option with a number is bounded as the setting that it stands for. */
static gboolean take_number(const VkSettings *settings, const char *group, const char *key,
			    const char *option, const char *given, guint *ret, GError **error)
{
	*ret = (guint)(given ? g_ascii_strtoull(given, NULL, 10)
			     : vk_settings_get_uint(settings, group, key));
	if (!given || vk_settings_check_value(group, key, given, error))
		return TRUE;
	g_prefix_error(error, "%s: ", option);
	return FALSE;
}

/* The backup options point to these, if the command line has them. */
typedef struct {
	VkBackupMode mode;
	VkQuiesceMode quiesce;
} Choices;

static gboolean take_choices(const Arguments *arguments, Choices *choices, VkBackupOptions *options,
			     GError **error)
{
	if (arguments->mode) {
		if (!vk_backup_mode_parse(arguments->mode, &choices->mode, error))
			return FALSE;
		options->mode = &choices->mode;
	}
	if (arguments->label && !vk_policy_check(arguments->label, error))
		return FALSE;
	if (arguments->quiesce) {
		if (!vk_quiesce_mode_parse(arguments->quiesce, &choices->quiesce, error))
			return FALSE;
		options->quiesce = &choices->quiesce;
	}
	return TRUE;
}

static gboolean take_options(const VkProgram *program, const Arguments *arguments, Choices *choices,
			     VkBackupOptions *options, GError **error)
{
	const VkSettings *settings = program->settings;
	guint budget_sec = 0, rate_mib = 0, wait_min = 0;

	if (!take_choices(arguments, choices, options, error) ||
	    !take_number(settings, "backup", "pause_budget", "--pause-budget", arguments->budget,
			 &budget_sec, error) ||
	    !take_number(settings, "backup", "parallel", "--parallel", arguments->parallel,
			 &options->parallel, error) ||
	    !take_number(settings, "backup", "limit_rate", "--limit-rate", arguments->rate,
			 &rate_mib, error) ||
	    !take_number(settings, "array", "NTAP_SNAPMIRROR_WAIT", "--replicate-wait",
			 arguments->wait, &wait_min, error))
		return FALSE;
	options->replicate =
		arguments->replicate ||
		g_str_equal(vk_settings_get(settings, "array", "NTAP_SNAPMIRROR_UPDATE"), "Y");
	options->replicate_wait_sec = wait_min * 60;
	options->bytes_per_sec = (guint64)rate_mib << 20;
	options->settings = settings;
	options->label =
		arguments->label ? arguments->label : vk_settings_get(settings, "backup", "label");
	options->mountpoints = arguments->mountpoints;
	options->tags = arguments->tags;
	options->exclude = arguments->exclude;
	options->group = arguments->group;
	options->strict = arguments->strict;
	options->compare = arguments->compare;
	options->budget_usec = (guint64)budget_sec * G_USEC_PER_SEC;
	options->agent_timeout_sec =
		(guint)vk_settings_get_uint(settings, "backup", "agent_timeout");
	options->operation_timeout_sec =
		(guint)vk_settings_get_uint(settings, "backup", "operation_timeout");
	options->retries = (guint)vk_settings_get_uint(settings, "backup", "KVM_CMD_RETRY_COUNT");
	options->workers = (guint)vk_settings_get_uint(settings, "backup", "workers");
	options->scratch_dir = vk_settings_get(settings, "backup", "scratch_dir");
	options->run_dir = vk_settings_get(settings, "backup", "run_dir");
	return TRUE;
}

static gboolean run(VkProgram *program, char *const *names, const VkBackupOptions *options,
		    VkBackupResult **ret, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, error);
	gint64 begun = g_get_monotonic_time();
	g_autoptr(json_t) report = NULL;
	VkBackupResult *result;

	if (!vault)
		return FALSE;
	result = *ret =
		vk_backup_run(vault, vk_program_libvirt_uri(program), names, options,
			      program->json || program->quiet ? NULL : tell_snapshot, NULL, error);
	if (!result)
		return FALSE;
	report = vk_cmd_backup_to_json(result, g_get_monotonic_time() - begun);
	vk_task_result(report, program->json);
	if (result->guests == 0 && !vk_interrupted())
		vk_log_warning(result->left_out->len > 0
				       ? "all guests are left out: nothing to save"
				       : "the host has no guests: nothing to save");
	return judge(result, error);
}

/*
 * The TEXTS, which are taken over, in one new string. Hooks get it in their environment, which is
 * bounded: where it is cut short it ends with "...".
 */
static char *join_bounded(GPtrArray *texts, const char *separator)
{
	GString *joined = g_string_new(NULL);

	for (guint i = 0; i < texts->len; i++) {
		const char *text = g_ptr_array_index(texts, i);
		gboolean fits = joined->len + strlen(text) < FACT_LENGTH_MAX;

		g_string_append_printf(joined, "%s%s", i > 0 ? separator : "", fits ? text : "...");
		if (!fits)
			break;
	}
	g_ptr_array_unref(texts);
	return g_string_free(joined, FALSE);
}

/* The names of the guests that failed, one a line. New string. */
static char *list_failed(const VkBackupResult *result)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; result && i < result->failed->len; i++) {
		const VkBackupFailure *failure = g_ptr_array_index(result->failed, i);

		g_ptr_array_add(names, vk_printable(failure->guest));
	}
	return join_bounded(names, "\n");
}

/* All that went wrong, the run's own error first. New string. */
static char *list_errors(const VkBackupResult *result, const GError *trouble)
{
	GPtrArray *errors = g_ptr_array_new_with_free_func(g_free);

	if (trouble)
		g_ptr_array_add(errors, g_strdup(trouble->message));
	for (guint i = 0; result && i < result->failed->len; i++) {
		const VkBackupFailure *failure = g_ptr_array_index(result->failed, i);

		if (!trouble || !g_str_equal(failure->error->message, trouble->message))
			g_ptr_array_add(errors, g_strdup(failure->error->message));
	}
	return join_bounded(errors, "; ");
}

static gboolean have_hooks_run(const VkBackupResult *result)
{
	for (guint i = 0; result && i < result->failed->len; i++)
		if (!((VkBackupFailure *)g_ptr_array_index(result->failed, i))->hooks_ran)
			return FALSE;
	return result && result->failed->len > 0;
}

/* A finished run cannot fail any more: a warning names a hook that fails. */
static void tell_end(const VkSettings *settings, VkHookPhase phase, const VkHookFacts *facts)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_hooks_run(settings, phase, facts, &trouble))
		vk_log_warning("%s", trouble->message);
}

/* The run between its hooks: they hear also of what fails before the first guest. */
static gboolean run_with_hooks(VkProgram *program, char *const *names,
			       const VkBackupOptions *options, GError **error)
{
	gint64 start = g_get_monotonic_time();
	g_autoptr(VkBackupResult) result = NULL;
	g_autoptr(GError) trouble = NULL;
	g_autofree char *errors = NULL;
	g_autofree char *failed = NULL;
	VkHookFacts facts = {.vault = vk_program_vault_url(program, NULL)};
	gboolean ok;

	vk_task_begin(options->settings, "backup");
	ok = vk_hooks_run(options->settings, VK_HOOK_RUN_START, &facts, &trouble) &&
	     run(program, names, options, &result, &trouble);

	errors = list_errors(result, trouble);
	failed = list_failed(result);
	facts.error = errors;
	facts.failed = failed;
	facts.saved = result ? result->snapshots->len : 0;
	facts.hooks_ran = have_hooks_run(result);
	facts.status = vk_exit_status(trouble);
	facts.seconds = (g_get_monotonic_time() - start) / G_USEC_PER_SEC;
	if (!ok)
		tell_end(options->settings, VK_HOOK_RUN_FAILURE, &facts);
	tell_end(options->settings, VK_HOOK_RUN_END, &facts);
	if (trouble)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return ok;
}

gboolean vk_cmd_backup(VkProgram *program, int argc, char **argv, GError **error)
{
	g_auto(Arguments) arguments = {0};
	const GOptionEntry entries[] = {
		{"all", 'a', 0, G_OPTION_ARG_NONE, &arguments.all, "All guests of the host", NULL},
		{"tag", 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments.tags,
		 "Take the guests that have this tag; may be repeated", "TAG"},
		{"exclude", 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments.exclude,
		 "Leave out the guests that match PATTERN; may be repeated", "PATTERN"},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &arguments.dry_run,
		 "Show what would be done and do nothing", NULL},
		{"group", 'g', 0, G_OPTION_ARG_NONE, &arguments.group, "All of them at one instant",
		 NULL},
		{"mode", 0, 0, G_OPTION_ARG_STRING, &arguments.mode,
		 "Where the copies go: vault, array or array+vault (default vault)", "MODE"},
		{"label", 0, 0, G_OPTION_ARG_STRING, &arguments.label,
		 "Which retention applies to copies on arrays, for example daily", "LABEL"},
		{"replicate", 0, 0, G_OPTION_ARG_NONE, &arguments.replicate,
		 "Let the arrays replicate their new snapshots now", NULL},
		{"replicate-wait", 0, 0, G_OPTION_ARG_STRING, &arguments.wait,
		 "How long to wait for the transfers (default 0: do not wait)", "MINUTES"},
		{"quiesce", 0, 0, G_OPTION_ARG_STRING, &arguments.quiesce,
		 "How to hold a running guest: auto, agent, suspend or none (default auto)", "HOW"},
		{"freeze-mountpoint", 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments.mountpoints,
		 "Freeze only this file system of the guest; may be repeated", "PATH"},
		{"pause-budget", 0, 0, G_OPTION_ARG_STRING, &arguments.budget,
		 "How long a guest may be held; 0: no limit (default 5)", "SECONDS"},
		{"strict", 0, 0, G_OPTION_ARG_NONE, &arguments.strict,
		 "Fail a guest that could not be held as requested", NULL},
		{"compare", 0, 0, G_OPTION_ARG_NONE, &arguments.compare,
		 "Read whole disks and ignore their dirty bitmaps", NULL},
		{"parallel", 0, 0, G_OPTION_ARG_STRING, &arguments.parallel,
		 "Guests at once (default 4)", "N"},
		{"limit-rate", 0, 0, G_OPTION_ARG_STRING, &arguments.rate,
		 "Limit the reading of all guests together, per second (default 0: no limit)",
		 "MIB"},
		G_OPTION_ENTRY_NULL,
	};
	Choices choices = {0};
	VkBackupOptions options = {0};
	char **names = NULL;

	program->command = "backup";
	if (!vk_cmd_parse(program, "backup GUEST...|--tag TAG|--all",
			  "Takes a snapshot of each GUEST, running or not, named by name, uuid or "
			  "a pattern\nlike 'web*'.",
			  entries, -1, argc, argv, &names, error))
		return FALSE;
	if (!check_guests(&arguments, names, error) ||
	    !take_options(program, &arguments, &choices, &options, error))
		return FALSE;
	if (!names[0])
		names = NULL;
	if (arguments.dry_run)
		return vk_cmd_backup_dry_run(program, names, &options, error);
	/*
	 * A backup that is stopped at the terminal would leave jobs open, and nothing would watch
	 * their room.
	 */
	signal(SIGTSTP, SIG_IGN);
	return run_with_hooks(program, names, &options, error);
}
