/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep repair". */
#include "cmd.h"

#include "array-drivers.h"
#include "current-task.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "repair.h"
#include "text.h"

#include <stdio.h>

/* Blocks that are named to people. */
#define NAMED_MAX 20u

typedef struct Places {
	char **vaults; /* URLs */
	char **images;
	gboolean arrays;
} Places;

static void print_result(const VkRepairResult *result, gboolean dry_run)
{
	g_autofree char *healed = vk_count_text(result->healed, "damaged block");
	g_autofree char *missing = vk_count_text(result->missing->len, "block");

	if (result->healed == 0 && result->missing->len == 0)
		vk_print_line(stdout, "no damage is known; 'virtkeep verify --data' looks for it");
	else
		vk_print_line(stdout, "%s %s; %s still damaged", healed,
			      dry_run ? "would be healed" : "healed", missing);
	for (guint i = 0; i < MIN(result->missing->len, NAMED_MAX); i++) {
		const VkMissingSlot *slot = &g_array_index(result->missing, VkMissingSlot, i);

		vk_print_line(stdout, "  pack %s, slot %u", slot->digits, slot->slot);
	}
	if (result->missing->len > NAMED_MAX)
		vk_print_line(stdout, "  and %u more", result->missing->len - NAMED_MAX);
}

static json_t *result_to_json(const VkRepairResult *result)
{
	json_t *missing = json_array();

	for (guint i = 0; i < result->missing->len; i++) {
		const VkMissingSlot *slot = &g_array_index(result->missing, VkMissingSlot, i);

		json_array_append_new(missing, json_pack("{s:s, s:I}", "pack", slot->digits, "slot",
							 (json_int_t)slot->slot));
	}
	return json_pack("{s:I, s:o}", "healed", (json_int_t)result->healed, "missing", missing);
}

static gboolean report(const VkProgram *program, const VkVault *vault, const VkRepairResult *result,
		       gboolean dry_run, GError **error)
{
	g_autoptr(json_t) json = result_to_json(result);
	g_autofree char *missing = vk_count_text(result->missing->len, "block");

	vk_task_result(json, program->json);
	if (!program->json && !program->quiet)
		print_result(result, dry_run);
	return result->missing->len == 0 ||
	       vk_fail(error, VK_ERROR_DAMAGE,
		       "the vault '%s' has %s whose content was not found; 'virtkeep verify "
		       "--data' shows which snapshots lack something",
		       vk_vault_url(vault), missing);
}

/* Copies of the vault, each opened to be read. */
static GPtrArray *open_vaults(const VkProgram *program, char *const *urls, GError **error)
{
	g_autoptr(GPtrArray) vaults = g_ptr_array_new_with_free_func((GDestroyNotify)vk_vault_free);

	for (; urls && *urls; urls++) {
		VkVault *vault = vk_open_vault(program, *urls, VK_VAULT_READ, error);

		if (!vault)
			return NULL;
		g_ptr_array_add(vaults, vault);
	}
	return g_steal_pointer(&vaults);
}

/* What was healed before it failed is reported as well. */
static gboolean repair(const VkProgram *program, const Places *places, gboolean dry_run,
		       GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(GPtrArray) vaults = NULL;
	g_autoptr(VkArrays) arrays = NULL;
	VkRepairOptions how = {.images = places->images, .dry_run = dry_run};
	VkRepairResult result;
	gboolean done;

	if (!dry_run)
		vk_task_begin(program->settings, "repair");
	vault = vk_open_vault(program, NULL, dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	vaults = vault ? open_vaults(program, places->vaults, error) : NULL;
	if (!vaults)
		return FALSE;
	how.vaults = vaults;
	if (places->arrays) {
		arrays = vk_arrays_new(program->settings, vk_log_warning, error);
		if (!arrays)
			return FALSE;
		how.arrays = arrays;
	}
	done = vk_repair(vault, &how, &result, error);
	done = report(program, vault, &result, dry_run, done ? error : NULL) && done;
	vk_repair_result_clear(&result);
	return done;
}

gboolean vk_cmd_repair(VkProgram *program, int argc, char **argv, GError **error)
{
	Places places = {0};
	gboolean dry_run = FALSE, done;
	const GOptionEntry entries[] = {
		{"from", 0, 0, G_OPTION_ARG_STRING_ARRAY, &places.vaults,
		 "Look in this copy of the vault; may be repeated", "URL"},
		{"from-image", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &places.images,
		 "Look in this raw image file or block device; may be repeated", "FILE"},
		{"from-arrays", 0, 0, G_OPTION_ARG_NONE, &places.arrays,
		 "Look in the copies of snapshots that arrays have", NULL},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run,
		 "Change nothing, print what would be healed", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;

	done = vk_cmd_parse(
		       program, "repair",
		       "Brings back blocks that 'virtkeep verify --data' has found damaged, if "
		       "their content is\nstill somewhere. All snapshots that need a block have "
		       "it back then.",
		       entries, 0, argc, argv, &arguments, error) &&
	       repair(program, &places, dry_run, error);
	g_strfreev(places.vaults);
	g_strfreev(places.images);
	return done;
}
