/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep gc". */
#include "cmd-gc.h"
#include "cmd.h"

#include "current-task.h"
#include "json.h"
#include "open-vault.h"

/* What was done before it failed is reported as well. */
static gboolean collect(const VkProgram *program, gboolean dry_run, VkRateLimit *limit,
			GError **error)
{
	const VkCollectOptions how = {.dry_run = dry_run, .limit = limit};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(json_t) json = NULL;
	VkGcReport report;
	gboolean done;

	if (!dry_run)
		vk_task_begin(program->settings, "gc");
	vault = vk_open_vault(program, NULL, dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	if (!vault)
		return FALSE;
	done = vk_gc_run(program, vault, &how, &report, error);
	if (!done && !vk_gc_did_anything(&report))
		return FALSE;
	json = vk_gc_to_json(&report);
	vk_task_result(json, program->json);
	if (!program->json && !program->quiet)
		vk_gc_print(&report);
	return done;
}

gboolean vk_cmd_gc(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autofree char *rate = NULL;
	gboolean dry_run = FALSE, done;
	const GOptionEntry entries[] = {
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run,
		 "Change nothing, print what would be freed", NULL},
		{"limit-rate", 0, 0, G_OPTION_ARG_STRING, &rate,
		 "Limit the reading, per second (default 0: no limit)", "MIB"},
		G_OPTION_ENTRY_NULL,
	};
	guint64 bytes_per_sec;
	VkRateLimit limit;
	char **arguments = NULL;

	program->command = "gc";
	if (!vk_cmd_parse(program, "gc",
			  "Removes forgotten snapshots, and frees the space that no other "
			  "snapshot needs. Backups,\nmounts and restores go on meanwhile.",
			  entries, 0, argc, argv, &arguments, error) ||
	    !vk_cmd_parse_rate(rate, &bytes_per_sec, error))
		return FALSE;
	vk_rate_limit_init(&limit, bytes_per_sec);
	done = collect(program, dry_run, &limit, error);
	vk_rate_limit_clear(&limit);
	return done;
}
