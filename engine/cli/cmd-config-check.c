/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep config check". */
#include "cmd.h"

#include "config-check.h"
#include "errors.h"
#include "hooks.h"
#include "job-check.h"
#include "json.h"
#include "log.h"
#include "notify.h"
#include "open-vault.h"
#include "text.h"
#include "user-defaults.h"

#include <stdio.h>

/* TROUBLE is with the value of KEY; with that of OPTION, or a variable, when it was given. */
static void add(const VkProgram *program, GPtrArray *problems, const char *section, const char *key,
		const char *option, const GError *trouble)
{
	g_autofree char *text = option ? g_strdup_printf("%s: %s", option, trouble->message)
				       : g_strdup(trouble->message);

	g_ptr_array_add(problems, vk_settings_problem_new(program->settings,
							  option ? NULL : section, key, text));
}

/* The option or variable that names the vault instead of the file; NULL: none. */
static const char *vault_option(const VkProgram *program)
{
	const char *named = program->vault_url ? program->vault_url : g_getenv("VIRTKEEP_VAULT");

	if (!named || !*named)
		return NULL;
	return program->vault_url ? "--vault" : "VIRTKEEP_VAULT";
}

static void check_hooks(const VkProgram *program, GPtrArray *problems)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_hooks_check(program->settings, &trouble))
		add(program, problems, "backup", "hooks_dir", NULL, trouble);
}

static void check_notify(const VkProgram *program, GPtrArray *problems)
{
	g_auto(GStrv) names = vk_settings_get_names(program->settings, "notify");

	for (char **name = names; *name; name++) {
		g_autofree char *section = g_strdup_printf("notify %s", *name);
		g_autoptr(GError) trouble = NULL;

		if (!vk_notify_check(program->settings, *name, &trouble))
			add(program, problems, section, NULL, NULL, trouble);
	}
}

/* A key of role restore writes nothing, and is not meant to. */
static gboolean may_only_read(const VkProgram *program)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, NULL);
	const VkKeyring *keyring = vault ? vk_vault_keyring(vault) : NULL;

	return keyring && vk_keyring_role(keyring) == VK_ROLE_RESTORE;
}

static void check_vault(const VkProgram *program, GPtrArray *problems)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, &trouble);

	if (!vault &&
	    !(g_error_matches(trouble, VK_ERROR, VK_ERROR_DENIED) && may_only_read(program)))
		add(program, problems, "vault", "url", vault_option(program), trouble);
}

static void check_guests(const VkProgram *program, GPtrArray *problems)
{
	g_autoptr(GError) trouble = NULL;
	const char *uri = vk_program_libvirt_uri(program);
	g_autoptr(VkHost) host = NULL;

	if (vk_host_is_none(uri))
		return;
	host = vk_host_open(uri, &trouble);
	if (host)
		vk_config_check_guests(program->settings, host, problems);
	else
		add(program, problems, "libvirt", "uri", program->libvirt_uri ? "--connect" : NULL,
		    trouble);
}

static void print_text(const char *path, const GPtrArray *problems)
{
	for (guint i = 0; i < problems->len; i++) {
		const VkSettingsProblem *problem = g_ptr_array_index(problems, i);

		if (problem->line > 0)
			vk_print_line(stdout, "%s:%u: %s", path, problem->line, problem->text);
		else if (!problem->section)
			vk_print_line(stdout, "%s", problem->text);
		else
			vk_print_line(stdout, "%s: %s", path, problem->text);
	}
	if (problems->len == 0 && !vk_log_is_quiet())
		vk_print_line(stdout, "%s: nothing is wrong", path);
}

static void print_json(const char *path, const GPtrArray *problems)
{
	g_autoptr(json_t) report = json_array();

	for (guint i = 0; i < problems->len; i++) {
		const VkSettingsProblem *problem = g_ptr_array_index(problems, i);

		json_array_append_new(
			report,
			json_pack("{s:o, s:o, s:o, s:o, s:o}", "file",
				  vk_json_new_string(problem->section ? path : NULL), "line",
				  problem->line > 0 ? json_integer(problem->line) : json_null(),
				  "section", vk_json_new_string(problem->section), "key",
				  vk_json_new_string(problem->key), "problem",
				  vk_json_new_string(problem->text)));
	}
	vk_json_print(report);
}

gboolean vk_cmd_config_check(VkProgram *program, GError **error)
{
	const char *named = vk_program_config_path(program);
	g_autoptr(GPtrArray) problems = vk_settings_examine(named, error);
	const char *path = named ? named : vk_user_config_path();

	if (!problems)
		return FALSE;
	/* Only a valid configuration can be compared with the things that it names. */
	if (problems->len == 0) {
		program->settings = vk_settings_load(named, error);
		if (!program->settings)
			return FALSE;
		vk_config_check_files(program->settings, problems);
		vk_config_check_retention(program->settings, problems);
		vk_jobs_check(program->settings, problems);
		check_hooks(program, problems);
		check_notify(program, problems);
		check_vault(program, problems);
		check_guests(program, problems);
	}
	if (program->json)
		print_json(path, problems);
	else
		print_text(path, problems);
	return problems->len == 0 ||
	       vk_fail(error, VK_ERROR_USAGE, "%u problem%s in the configuration '%s'",
		       problems->len, problems->len == 1 ? "" : "s", path);
}
