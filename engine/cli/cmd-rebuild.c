/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep rebuild". */
#include "cmd.h"

#include "errors.h"
#include "json.h"
#include "open-vault.h"
#include "rebuild.h"
#include "salvage.h"
#include "text.h"

#include <stdio.h>

typedef struct Options {
	gboolean dry_run;
	char *salvage; /* a directory; NULL: nothing is salvaged */
} Options;

static json_t *salvaged_to_json(const GPtrArray *salvaged)
{
	json_t *list = json_array();

	for (guint i = 0; salvaged && i < salvaged->len; i++) {
		const VkSalvaged *file = g_ptr_array_index(salvaged, i);

		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "file", file->name,
						      "blocks", (json_int_t)file->blocks,
						      "unreadable", (json_int_t)file->unreadable));
	}
	return list;
}

static json_t *result_to_json(const VkRebuildResult *result, const GPtrArray *salvaged)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "packs", (json_int_t)result->hints.packs,
			 "unreadable_packs", (json_int_t)result->hints.unreadable, "snapshots",
			 (json_int_t)result->snapshots, "damaged_snapshots",
			 (json_int_t)result->damaged, "salvaged", salvaged_to_json(salvaged));
}

static void print_salvaged(const GPtrArray *salvaged)
{
	for (guint i = 0; i < salvaged->len; i++) {
		const VkSalvaged *file = g_ptr_array_index(salvaged, i);
		g_autofree char *blocks = vk_count_text(file->blocks, "block");

		if (file->unreadable == 0)
			vk_print_line(stdout, "  %s: %s", file->name, blocks);
		else
			vk_print_line(stdout, "  %s: %s, %" G_GUINT64_FORMAT " unreadable",
				      file->name, blocks, file->unreadable);
	}
	if (salvaged->len == 0)
		vk_print_line(stdout, "nothing to salvage: snapshots need all blocks");
}

static void print_result(const VkRebuildResult *result, const Options *options,
			 const GPtrArray *salvaged)
{
	g_autofree char *packs = vk_count_text(result->hints.packs, "pack");
	g_autofree char *snapshots = vk_count_text(result->snapshots, "snapshot");

	vk_print_line(stdout, "%s: hints of %s, and the cache of %s",
		      options->dry_run ? "would be made anew" : "made anew", packs, snapshots);
	if (salvaged)
		print_salvaged(salvaged);
}

/* What cannot be read is damage, though all else was done. */
static gboolean report(const VkProgram *program, const VkVault *vault,
		       const VkRebuildResult *result, const Options *options,
		       const GPtrArray *salvaged, GError **error)
{
	g_autoptr(json_t) json = program->json ? result_to_json(result, salvaged) : NULL;
	g_autofree char *packs = vk_count_text(result->hints.unreadable, "pack");
	g_autofree char *snapshots = vk_count_text(result->damaged, "snapshot");

	if (json)
		vk_json_print(json);
	else if (!program->quiet)
		print_result(result, options, salvaged);
	return (result->hints.unreadable == 0 && result->damaged == 0) ||
	       vk_fail(error, VK_ERROR_DAMAGE,
		       "the vault '%s' has %s and %s that cannot be read; 'virtkeep verify' names "
		       "what snapshots lack",
		       vk_vault_url(vault), packs, snapshots);
}

static gboolean rebuild(const VkProgram *program, const Options *options, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(
		program, NULL, options->dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	g_autoptr(GPtrArray) salvaged = NULL;
	VkRebuildResult result;

	if (!vault || !vk_rebuild(vault, options->dry_run, &result, error))
		return FALSE;
	if (options->salvage) {
		salvaged = vk_salvage(vault, options->dry_run ? NULL : options->salvage, error);
		if (!salvaged)
			return FALSE;
	}
	return report(program, vault, &result, options, salvaged, error);
}

gboolean vk_cmd_rebuild(VkProgram *program, int argc, char **argv, GError **error)
{
	Options options = {0};
	const GOptionEntry entries[] = {
		{"salvage", 0, 0, G_OPTION_ARG_FILENAME, &options.salvage,
		 "Also write what packs have of lost snapshots to files in this new directory",
		 "DIRECTORY"},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry_run,
		 "Change and write nothing, see what can be read", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;
	gboolean done;

	done = vk_cmd_parse(
		       program, "rebuild",
		       "Makes anew what is made from packs and snapshots: the hints, by which "
		       "backups find\nblocks that are stored already, and this host's cache of "
		       "snapshots. No data changes.",
		       entries, 0, argc, argv, &arguments, error) &&
	       rebuild(program, &options, error);
	g_free(options.salvage);
	return done;
}
