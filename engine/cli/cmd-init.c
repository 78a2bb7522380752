/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "discover.h"
#include "json.h"
#include "open-vault.h"
#include "same-fs.h"
#include "text.h"

#include <stdio.h>

/* Without libvirt there is nothing to compare with. */
static void warn_of_images(const VkProgram *program, const VkVault *vault)
{
	const char *uri = vk_program_libvirt_uri(program);
	g_autoptr(VkHost) host = vk_discover_is_local(uri) ? vk_host_open(uri, NULL) : NULL;

	if (host)
		vk_warn_same_file_system_of_host(vault, host);
}

gboolean vk_cmd_init(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean force = FALSE;
	const GOptionEntry entries[] = {
		{"force", 0, 0, G_OPTION_ARG_NONE, &force,
		 "Make a vault even if there was one before", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(json_t) report = NULL;
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "init", "Makes a new vault in an empty or new directory.",
			  entries, 0, argc, argv, &arguments, error))
		return FALSE;
	vault = vk_make_vault(program, force, error);
	if (!vault)
		return FALSE;
	warn_of_images(program, vault);
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
