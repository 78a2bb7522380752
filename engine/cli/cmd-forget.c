/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep forget" and "virtkeep unforget". */
#include "cmd-forget.h"

#include "catalog-pin.h"
#include "cmd.h"
#include "errors.h"
#include "json.h"
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

static gboolean act_on(VkVault *vault, const VkNamedSnapshot *named, const Action *action,
		       GError **error)
{
	if (action->dry_run)
		return TRUE;
	/* The mark of a collector that was killed would stand in the way. */
	if (!action->forgotten)
		vk_vault_clear_leases(vault);
	return action->forgotten ? vk_catalog_forget(vault, named->key, "by name", error)
				 : vk_catalog_unforget(vault, named->key, error);
}

static void print_one(const VkNamedSnapshot *named, const Action *action, gboolean already,
		      json_t *report)
{
	if (report)
		json_array_append_new(report, json_pack("{s:o, s:s, s:s, s:b}", "snapshot",
							vk_json_new_string(named->name), "time",
							named->key->time, "id", named->key->id,
							"forgotten", action->forgotten));
	else if (!vk_log_is_quiet())
		vk_print_line(stdout, "%s: %s", named->name,
			      already ? action->already : action->done);
}

/* All pins are looked at before anything is changed. REPORT is nullable. */
static gboolean act(VkVault *vault, const GPtrArray *all, const Action *action, json_t *report,
		    GError **error)
{
	for (guint i = 0; action->forgotten && i < all->len; i++)
		if (!check_pin(vault, g_ptr_array_index(all, i), error))
			return FALSE;
	for (guint i = 0; i < all->len; i++) {
		const VkNamedSnapshot *named = g_ptr_array_index(all, i);
		gboolean already = !!named->key->forgotten == action->forgotten;

		if (!already && !act_on(vault, named, action, error)) {
			if (i > 0)
				(*error)->code = VK_ERROR_PARTIAL;
			return FALSE;
		}
		print_one(named, action, already, report);
	}
	return TRUE;
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

/* What was forgotten is a list, and with the collection an object. */
static gboolean collect_after(const VkProgram *program, VkVault *vault, const GPtrArray *all,
			      const VkForgetHow *how, json_t *report, GError **error)
{
	g_autoptr(GPtrArray) keys = list_keys(all);
	g_autoptr(json_t) json = report ? json_pack("{s:O}", "snapshots", report) : NULL;
	gboolean done = vk_forget_collect(program, vault, how, keys, json, NULL, error);

	if (json)
		vk_json_print(json);
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
	g_autoptr(json_t) report = program->json ? json_array() : NULL;
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(GPtrArray) all = NULL;

	if (!check_references(references, error))
		return FALSE;
	vault = vk_open_vault(program, NULL, how->dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	all = vault ? vk_named_snapshots_find(vault, references, error) : NULL;
	if (!all || !act(vault, all, &action, report, error))
		return FALSE;
	if (how->gc)
		return collect_after(program, vault, all, how, report, error);
	if (report)
		vk_json_print(report);
	return TRUE;
}

gboolean vk_cmd_forget(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean policy = FALSE, all = FALSE;
	VkForgetHow how = {FALSE};
	const GOptionEntry entries[] = {
		{"policy", 0, 0, G_OPTION_ARG_NONE, &policy,
		 "Forget what the policy of [retention] does not keep", NULL},
		{"all", 0, 0, G_OPTION_ARG_NONE, &all, "Apply the policy to all guests", NULL},
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
	if (all && !policy)
		return vk_fail(error, VK_ERROR_USAGE, "--all is for --policy: add it");
	if (all && arguments[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "--all means every guest: leave out '%s' or --all", arguments[0]);
	if (policy && !all && !arguments[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no guest named: name guests, or write --all --policy");
	return policy ? vk_cmd_forget_policy(program, all ? NULL : arguments, &how, error)
		      : forget_named(program, arguments, &how, error);
}

gboolean vk_cmd_unforget(VkProgram *program, int argc, char **argv, GError **error)
{
	const Action action = {.done = "listed again", .already = "not forgotten"};
	g_autoptr(json_t) report = NULL;
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(GPtrArray) all = NULL;
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "unforget SNAPSHOT...",
			  "Lists forgotten snapshots again, as long as the garbage collection has "
			  "not removed them.",
			  NULL, -1, argc, argv, &arguments, error) ||
	    !check_references(arguments, error))
		return FALSE;
	report = program->json ? json_array() : NULL;
	vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, error);
	all = vault ? vk_named_snapshots_find(vault, arguments, error) : NULL;
	if (!all || !act(vault, all, &action, report, error))
		return FALSE;
	if (report)
		vk_json_print(report);
	return TRUE;
}
