/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "vaultcheck.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "table.h"
#include "text.h"
#include "vault.h"

#include <stdio.h>

static void print_json(const VkCheckResult *result)
{
	g_autoptr(json_t) report = NULL;
	json_t *damages = json_array();

	for (guint i = 0; i < result->damages->len; i++)
		json_array_append_new(damages,
				      vk_json_new_string(g_ptr_array_index(result->damages, i)));
	report = json_pack("{s:I, s:I, s:I, s:I, s:o}", "snapshots", (json_int_t)result->snapshots,
			   "packs", (json_int_t)result->packs, "blocks", (json_int_t)result->blocks,
			   "bytes", (json_int_t)result->bytes, "damages", damages);
	vk_json_print(report);
}

static void print_text(const VkCheckResult *result, gboolean data, gboolean quiet)
{
	g_autofree char *bytes = vk_size_text(result->bytes);
	g_autofree char *blocks =
		g_strdup_printf(", %" G_GUINT64_FORMAT " blocks (%s)", result->blocks, bytes);

	for (guint i = 0; i < result->damages->len; i++)
		vk_print_line(stdout, "%s", (const char *)g_ptr_array_index(result->damages, i));
	if (quiet)
		return;
	vk_print_line(stdout, "%" G_GUINT64_FORMAT " snapshots, %" G_GUINT64_FORMAT " packs%s: %s",
		      result->snapshots, result->packs, data ? blocks : "",
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
	const char *url;

	if (!vk_cmd_parse(program, "verify", "Checks that every snapshot of the vault is whole.",
			  entries, 0, argc, argv, &arguments, error))
		return FALSE;
	url = vk_program_vault_url(program, error);
	vault = url ? vk_vault_open(url, VK_VAULT_READ, error) : NULL;
	if (!vault)
		return FALSE;
	progress = vk_progress_new("verify", 0);
	result = vk_check_vault(vault, data, progress, error);
	g_clear_pointer(&progress, vk_progress_free);
	if (!result)
		return FALSE;
	if (program->json)
		print_json(result);
	else
		print_text(result, data, program->quiet);
	if (result->damages->len > 0)
		return vk_fail(error, VK_ERROR_DAMAGE, "the vault '%s' has %u damages",
			       vk_vault_url(vault), result->damages->len);
	return TRUE;
}
