/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "vaultcheck.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "table.h"
#include "openvault.h"
#include "text.h"

#include <stdio.h>

static void print_json(const VkCheckResult *result, gint64 usec)
{
	g_autoptr(json_t) report = NULL;
	json_t *damages = json_array();

	for (guint i = 0; i < result->damages->len; i++)
		json_array_append_new(damages,
				      vk_json_new_string(g_ptr_array_index(result->damages, i)));
	report = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "snapshots",
			   (json_int_t)result->snapshots, "packs", (json_int_t)result->packs,
			   "blocks", (json_int_t)result->blocks, "bytes", (json_int_t)result->bytes,
			   "duration_ms", (json_int_t)((usec + 999) / 1000), "damages", damages);
	vk_json_print(report);
}

static void print_text(const VkCheckResult *result, gboolean data, gboolean quiet)
{
	g_autofree char *bytes = vk_size_text(result->bytes);
	g_autofree char *snapshots = vk_count_text(result->snapshots, "snapshot");
	g_autofree char *packs = vk_count_text(result->packs, "pack");
	g_autofree char *blocks = vk_count_text(result->blocks, "block");

	for (guint i = 0; i < result->damages->len; i++)
		vk_print_line(stdout, "%s", (const char *)g_ptr_array_index(result->damages, i));
	if (quiet)
		return;
	vk_print_line(stdout, "%s, %s%s%s%s%s%s: %s", snapshots, packs, data ? ", " : "",
		      data ? blocks : "", data ? " (" : "", data ? bytes : "", data ? ")" : "",
		      result->damages->len == 0 ? "sound" : "damaged");
}

gboolean vk_cmd_verify(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean data = FALSE;
	const GOptionEntry entries[] = {
		{"data", 0, 0, G_OPTION_ARG_NONE, &data, "Read and check every stored block, too",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autoptr(VkProgress) progress = NULL;
	char **arguments = NULL;
	gint64 begun;

	if (!vk_cmd_parse(program, "verify", "Checks that every snapshot of the vault is whole.",
			  entries, 0, argc, argv, &arguments, error))
		return FALSE;
	vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	if (!vault)
		return FALSE;
	begun = g_get_monotonic_time();
	progress = vk_progress_new("verify", 0);
	result = vk_check_vault(vault, data, progress, error);
	g_clear_pointer(&progress, vk_progress_free);
	if (!result)
		return FALSE;
	if (program->json)
		print_json(result, g_get_monotonic_time() - begun);
	else
		print_text(result, data, program->quiet);
	if (result->damages->len > 0) {
		g_autofree char *damages = vk_count_text(result->damages->len, "damage");

		return vk_fail(error, VK_ERROR_DAMAGE, "the vault '%s' has %s", vk_vault_url(vault),
			       damages);
	}
	return TRUE;
}
