/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep forget" and "virtkeep unforget". */
#include "cmd-each.h"
#include "cmd-forget.h"

#include "catalog-pin.h"
#include "cmd.h"
#include "current-task.h"
#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "keep-jobs.h"
#include "log.h"
#include "named-snapshots.h"
#include "open-vault.h"
#include "text.h"
#include "vault-leases.h"

#include <stdio.h>
#include <string.h>

/* What is done with each of the named snapshots. */
typedef struct {
	const char *done, *already; /* in words */
	gboolean forgotten;         /* how it is then */
	gboolean dry_run;
} Action;

static gboolean check_pin(VkVault *vault, const VkNamedSnapshot *named, GError **error)
{
	g_autoptr(VkPin) pin = NULL;

	if (!named->key->pinned || named->key->forgotten)
		return TRUE;
	if (!vk_catalog_load_pin(vault, named->key, &pin, error))
		return FALSE;
	return !pin || vk_fail(error, VK_ERROR_FAILED,
			       "'%s' is pinned, so nothing was forgotten: run 'virtkeep unpin %s' "
			       "first",
			       named->name, named->name);
}

/* All are looked at before anything is changed. */
static gboolean check_pins(VkVault *vault, const GPtrArray *all, GError **error)
{
	for (guint i = 0; i < all->len; i++)
		if (!check_pin(vault, g_ptr_array_index(all, i), error))
			return FALSE;
	return TRUE;
}

static gboolean is_done(const VkNamedSnapshot *named, const Action *action)
{
	return !!named->key->forgotten == action->forgotten;
}

static gboolean act_on(VkVault *vault, const VkNamedSnapshot *named, const Action *action,
		       GError **error)
{
	if (action->dry_run || is_done(named, action))
		return TRUE;
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	/* The mark of a collector that was killed would stand in the way. */
	if (!action->forgotten)
		vk_vault_clear_leases(vault);
	return action->forgotten ? vk_catalog_forget(vault, named->key, "by name", error)
				 : vk_catalog_unforget(vault, named->key, error);
}

/* TROUBLE is nullable. */
static json_t *to_json(const VkNamedSnapshot *named, const Action *action, const GError *trouble)
{
	json_t *object = vk_each_to_json(named, trouble);

	json_object_set_new(object, "forgotten",
			    json_boolean(trouble ? !action->forgotten : action->forgotten));
	return object;
}

typedef struct {
	VkVault *vault;
	const Action *action;
	json_t *report;
	gboolean json; /* nothing else is printed */
} Act;

static gboolean act_and_tell(gpointer user, const VkNamedSnapshot *named, GError **error)
{
	const Act *act = user;
	GError *trouble = NULL;
	gboolean done = act_on(act->vault, named, act->action, &trouble);

	json_array_append_new(act->report, to_json(named, act->action, trouble));
	if (!act->json && done && !vk_log_is_quiet())
		vk_print_line(stdout, "%s: %s", named->name,
			      is_done(named, act->action) ? act->action->already
							  : act->action->done);
	if (trouble)
		g_propagate_error(error, trouble);
	return done;
}

static gboolean act(VkVault *vault, const GPtrArray *all, const Action *action, json_t *report,
		    gboolean json, GError **error)
{
	Act act = {.vault = vault, .action = action, .report = report, .json = json};

	return vk_each_named(all, act_and_tell, &act, action->done, error);
}

static gboolean act_and_print(VkVault *vault, const GPtrArray *all, const Action *action,
			      gboolean json, GError **error)
{
	g_autoptr(json_t) report = json_array();
	gboolean done = act(vault, all, action, report, json, error);

	vk_task_result(report, json);
	return done;
}

/* A guest's name alone means its latest snapshot elsewhere: too easily said here. */
static gboolean check_references(char *const *references, GError **error)
{
	if (!*references)
		return vk_fail(error, VK_ERROR_USAGE,
			       "no snapshot named; 'virtkeep list' shows what there is");
	for (; *references; references++)
		if (!strchr(*references, '@'))
			return vk_fail(error, VK_ERROR_USAGE,
				       "'%s' does not say which snapshot: write %s@TIME, or add "
				       "--policy for all that the policy does not keep",
				       *references, *references);
	return TRUE;
}

/* Borrowed keys. */
static GPtrArray *list_keys(const GPtrArray *all)
{
	GPtrArray *keys = g_ptr_array_new();

	for (guint i = 0; i < all->len; i++)
		g_ptr_array_add(keys, ((VkNamedSnapshot *)g_ptr_array_index(all, i))->key);
	return keys;
}

/* What was forgotten is a list, and with the collection an object. TROUBLE is taken over. */
static gboolean collect_after(const VkProgram *program, VkVault *vault, const GPtrArray *all,
			      const VkForgetHow *how, json_t *report, GError *trouble,
			      GError **error)
{
	g_autoptr(GPtrArray) keys = list_keys(all);
	g_autoptr(json_t) json = json_pack("{s:O}", "snapshots", report);
	gboolean done = vk_forget_collect(program, vault, how, keys, json, trouble, error);

	vk_task_result(json, program->json);
	return done;
}

static gboolean forget_named(VkProgram *program, char *const *references, const VkForgetHow *how,
			     GError **error)
{
	const Action action = {
		.done = how->dry_run ? "would be forgotten" : "forgotten",
		.already = "forgotten already",
		.forgotten = TRUE,
		.dry_run = how->dry_run,
	};
	g_autoptr(json_t) report = json_array();
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(GPtrArray) all = NULL;
	GError *trouble = NULL;

	if (!check_references(references, error))
		return FALSE;
	if (!how->dry_run)
		vk_task_begin(program->settings, "forget");
	vault = vk_open_vault(program, NULL, how->dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	all = vault ? vk_named_snapshots_find(vault, references, error) : NULL;
	if (!all || !check_pins(vault, all, error))
		return FALSE;
	if (!how->gc)
		return act_and_print(vault, all, &action, program->json, error);
	act(vault, all, &action, report, program->json, &trouble);
	return collect_after(program, vault, all, how, report, trouble, error);
}

/* HAS_GUESTS: the command line says which guests. */
static gboolean check_job(const VkProgram *program, const VkForgetHow *how, gboolean policy,
			  gboolean has_guests, GError **error)
{
	g_auto(GStrv) jobs = vk_settings_get_names(program->settings, "job");

	if (!how->job)
		return TRUE;
	if (!policy || has_guests)
		return vk_fail(error, VK_ERROR_USAGE,
			       "--job goes with --policy, and without GUEST or --all");
	if (!g_strv_contains((const char *const *)jobs, how->job))
		return vk_fail(error, VK_ERROR_NOT_FOUND, "there is no section [job %s] in '%s'",
			       how->job, vk_settings_path(program->settings));
	return vk_keep_job_has_rules(program->settings, how->job) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "[job %s] does not say what to keep: write keep_daily = 7 or the like",
		       how->job);
}

gboolean vk_cmd_forget(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean policy = FALSE, all = FALSE;
	g_autofree char *job = NULL;
	VkForgetHow how = {FALSE};
	const GOptionEntry entries[] = {
		{"policy", 0, 0, G_OPTION_ARG_NONE, &policy,
		 "Forget what the policy of [retention] does not keep", NULL},
		{"all", 0, 0, G_OPTION_ARG_NONE, &all, "Apply the policy to all guests", NULL},
		{"job", 0, 0, G_OPTION_ARG_STRING, &job,
		 "Apply the policy of the job NAME to what it took of the host's guests", "JOB"},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &how.dry_run,
		 "Change nothing, print what would be forgotten and why the rest is kept", NULL},
		{"gc", 0, 0, G_OPTION_ARG_NONE, &how.gc,
		 "Then free the space, as 'virtkeep gc' does", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;

	if (!vk_cmd_parse(
		    program, "forget SNAPSHOT...|GUEST...",
		    "Hides snapshots from all commands and from the mount. 'virtkeep gc' "
		    "frees their space;\nuntil then 'virtkeep unforget' brings them back. With "
		    "--policy it forgets, of each GUEST\nor of all, what the policy does not keep.",
		    entries, -1, argc, argv, &arguments, error))
		return FALSE;
	how.job = job;
	if (!check_job(program, &how, policy, all || arguments[0], error))
		return FALSE;
	if (all && !policy)
		return vk_fail(error, VK_ERROR_USAGE, "--all is for --policy: add it");
	if (all && arguments[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "--all means every guest: leave out '%s' or --all", arguments[0]);
	if (policy && !all && !job && !arguments[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no guest named: name guests, or write --all --policy");
	return policy ? vk_cmd_forget_policy(program, arguments[0] ? arguments : NULL, &how, error)
		      : forget_named(program, arguments, &how, error);
}

gboolean vk_cmd_unforget(VkProgram *program, int argc, char **argv, GError **error)
{
	const Action action = {.done = "listed again", .already = "not forgotten"};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(GPtrArray) all = NULL;
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "unforget SNAPSHOT...",
			  "Lists forgotten snapshots again, as long as the garbage collection has "
			  "not removed them.",
			  NULL, -1, argc, argv, &arguments, error) ||
	    !check_references(arguments, error))
		return FALSE;
	vk_task_begin(program->settings, "unforget");
	vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, error);
	all = vault ? vk_named_snapshots_find(vault, arguments, error) : NULL;
	return all && act_and_print(vault, all, &action, program->json, error);
}
