/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "json.h"
#include "text.h"
#include "vault.h"

#include <stdio.h>

gboolean vk_cmd_init(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(json_t) report = NULL;
	char **arguments = NULL;
	const char *url;

	if (!vk_cmd_parse(program, "init", "Makes a new vault in an empty or new directory.", NULL,
			  0, argc, argv, &arguments, error))
		return FALSE;
	url = vk_program_vault_url(program, error);
	if (!url)
		return FALSE;
	vault = vk_vault_init(url, error);
	if (!vault)
		return FALSE;
	if (!program->json) {
		if (!program->quiet)
			vk_print_line(stdout, "vault %s made at '%s'", vk_vault_id(vault),
				      vk_vault_url(vault));
		return TRUE;
	}
	report = json_pack("{s:s, s:o}", "id", vk_vault_id(vault), "url",
			   vk_json_new_string(vk_vault_url(vault)));
	vk_json_print(report);
	return TRUE;
}
