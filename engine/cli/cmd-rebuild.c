/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep rebuild". */
#include "cmd.h"

#include "current-task.h"
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

/* What was read: by the rebuild, or by the salvage. */
typedef struct Counts {
	guint packs;
	guint unreadable; /* packs */
	guint snapshots;
	guint damaged;             /* snapshots */
	guint64 unreadable_blocks; /* that were to be salvaged */
} Counts;

static json_t *files_to_json(const VkSalvageResult *salvaged)
{
	json_t *list = json_array();

	for (guint i = 0; salvaged && i < salvaged->files->len; i++) {
		const VkSalvaged *file = g_ptr_array_index(salvaged->files, i);

		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "file", file->name,
						      "blocks", (json_int_t)file->blocks,
						      "unreadable", (json_int_t)file->unreadable));
	}
	return list;
}

/* SALVAGED is nullable. */
static void give_result(const VkProgram *program, const Counts *counts,
			const VkSalvageResult *salvaged)
{
	g_autoptr(json_t) json =
		json_pack("{s:I, s:I, s:I, s:I, s:o}", "packs", (json_int_t)counts->packs,
			  "unreadable_packs", (json_int_t)counts->unreadable, "snapshots",
			  (json_int_t)counts->snapshots, "damaged_snapshots",
			  (json_int_t)counts->damaged, "salvaged", files_to_json(salvaged));

	vk_task_result(json, program->json);
}

static void print_salvaged(const VkSalvageResult *salvaged)
{
	for (guint i = 0; i < salvaged->files->len; i++) {
		const VkSalvaged *file = g_ptr_array_index(salvaged->files, i);
		g_autofree char *blocks = vk_count_text(file->blocks, "block");

		if (file->unreadable == 0)
			vk_print_line(stdout, "%s: %s", file->name, blocks);
		else
			vk_print_line(stdout, "%s: %s, %" G_GUINT64_FORMAT " unreadable",
				      file->name, blocks, file->unreadable);
	}
	if (salvaged->files->len == 0)
		vk_print_line(stdout, "nothing to salvage: snapshots need all blocks%s",
			      salvaged->unreadable > 0 ? " that can be read" : "");
}

static void print_rebuilt(const Counts *counts, gboolean dry_run)
{
	g_autofree char *packs = vk_count_text(counts->packs, "pack");
	g_autofree char *snapshots = vk_count_text(counts->snapshots, "snapshot");

	vk_print_line(stdout, "%s: hints of %s, and the cache of %s",
		      dry_run ? "would be made anew" : "made anew", packs, snapshots);
}

/* What cannot be read is damage, though all else was done. */
static gboolean check_damage(const VkVault *vault, const Counts *counts, GError **error)
{
	g_autofree char *packs = vk_count_text(counts->unreadable, "pack");
	g_autofree char *blocks = vk_count_text(counts->unreadable_blocks, "block");
	g_autofree char *snapshots = vk_count_text(counts->damaged, "snapshot");

	return (counts->unreadable == 0 && counts->damaged == 0 &&
		counts->unreadable_blocks == 0) ||
	       vk_fail(error, VK_ERROR_DAMAGE,
		       "the vault '%s' has %s, %s and %s that cannot be read; 'virtkeep verify' "
		       "names what snapshots lack",
		       vk_vault_url(vault), packs, blocks, snapshots);
}

static gboolean rebuild(const VkProgram *program, const Options *options, GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	VkRebuildResult result;
	Counts counts = {0};

	if (!options->dry_run)
		vk_task_begin(program->settings, "rebuild");
	vault = vk_open_vault(program, NULL, options->dry_run ? VK_VAULT_READ : VK_VAULT_WRITE,
			      error);
	if (!vault || !vk_rebuild(vault, options->dry_run, &result, error))
		return FALSE;
	counts.packs = result.hints.packs;
	counts.unreadable = result.hints.unreadable;
	counts.snapshots = result.snapshots;
	counts.damaged = result.damaged;
	give_result(program, &counts, NULL);
	if (!program->json && !program->quiet)
		print_rebuilt(&counts, options->dry_run);
	return check_damage(vault, &counts, error);
}

/* The vault may be full, on a read-only file system, or open with a key that has no hints. */
static gboolean salvage(const VkProgram *program, const Options *options, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	g_autoptr(VkSalvageResult) result =
		vault ? vk_salvage(vault, options->dry_run ? NULL : options->salvage, error) : NULL;
	Counts counts = {0};

	if (!result)
		return FALSE;
	counts.packs = result->packs;
	counts.unreadable = result->unreadable;
	counts.snapshots = result->snapshots;
	counts.damaged = result->damaged;
	for (guint i = 0; i < result->files->len; i++)
		counts.unreadable_blocks += ((VkSalvaged *)result->files->pdata[i])->unreadable;
	give_result(program, &counts, result);
	if (!program->json && !program->quiet)
		print_salvaged(result);
	return check_damage(vault, &counts, error);
}

gboolean vk_cmd_rebuild(VkProgram *program, int argc, char **argv, GError **error)
{
	Options options = {0};
	const GOptionEntry entries[] = {
		{"salvage", 0, 0, G_OPTION_ARG_FILENAME, &options.salvage,
		 "Only write what packs have of lost snapshots to files in this new directory",
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
	       (options.salvage ? salvage : rebuild)(program, &options, error);
	g_free(options.salvage);
	return done;
}
