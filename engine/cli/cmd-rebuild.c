/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep rebuild". */
#include "cmd.h"

#include "errors.h"
#include "json.h"
#include "open-vault.h"
#include "rebuild.h"
#include "text.h"

#include <stdio.h>

static json_t *result_to_json(const VkRebuildResult *result)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "packs", (json_int_t)result->hints.packs,
			 "unreadable_packs", (json_int_t)result->hints.unreadable, "snapshots",
			 (json_int_t)result->snapshots, "damaged_snapshots",
			 (json_int_t)result->damaged);
}

static void print_result(const VkRebuildResult *result, gboolean dry_run)
{
	g_autofree char *packs = vk_count_text(result->hints.packs, "pack");
	g_autofree char *snapshots = vk_count_text(result->snapshots, "snapshot");

	vk_print_line(stdout, "%s: hints of %s, and the cache of %s",
		      dry_run ? "would be made anew" : "made anew", packs, snapshots);
}

/* What cannot be read is damage, though all else was done. */
static gboolean report(const VkProgram *program, const VkVault *vault,
		       const VkRebuildResult *result, gboolean dry_run, GError **error)
{
	g_autoptr(json_t) json = program->json ? result_to_json(result) : NULL;
	g_autofree char *packs = vk_count_text(result->hints.unreadable, "pack");
	g_autofree char *snapshots = vk_count_text(result->damaged, "snapshot");

	if (json)
		vk_json_print(json);
	else if (!program->quiet)
		print_result(result, dry_run);
	return (result->hints.unreadable == 0 && result->damaged == 0) ||
	       vk_fail(error, VK_ERROR_DAMAGE,
		       "the vault '%s' has %s and %s that cannot be read; 'virtkeep verify' names "
		       "what snapshots lack",
		       vk_vault_url(vault), packs, snapshots);
}

static gboolean rebuild(const VkProgram *program, gboolean dry_run, GError **error)
{
	g_autoptr(VkVault) vault =
		vk_open_vault(program, NULL, dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	VkRebuildResult result;

	return vault && vk_rebuild(vault, dry_run, &result, error) &&
	       report(program, vault, &result, dry_run, error);
}

gboolean vk_cmd_rebuild(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean dry_run = FALSE;
	const GOptionEntry entries[] = {
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run,
		 "Change nothing, see what can be read", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;

	return vk_cmd_parse(
		       program, "rebuild",
		       "Makes anew what is made from packs and snapshots: the hints, by which "
		       "backups find\nblocks that are stored already, and this host's cache of "
		       "snapshots. No data changes.",
		       entries, 0, argc, argv, &arguments, error) &&
	       rebuild(program, dry_run, error);
}
