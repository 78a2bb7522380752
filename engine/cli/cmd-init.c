/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "discover.h"
#include "current-task.h"
#include "errors.h"
#include "json.h"
#include "open-vault.h"
#include "same-fs.h"
#include "terminal.h"
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

/* Only where somebody can answer. */
static gboolean ask_whether_to_encrypt(gboolean *ret, GError **error)
{
	*ret = FALSE;
	return !vk_terminal_is_used() ||
	       vk_terminal_confirm("Encrypt the vault? It cannot be done later. [y/n] ",
				   "answer y or n, or write --encrypt or --plain", ret, error);
}

gboolean vk_cmd_init(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean encrypt = FALSE, plain = FALSE, parity = FALSE, force = FALSE;
	g_autofree char *label = NULL;
	const GOptionEntry entries[] = {
		{"encrypt", 0, 0, G_OPTION_ARG_NONE, &encrypt,
		 "Encrypt all that is in it, with a passphrase or a key file", NULL},
		{"plain", 0, 0, G_OPTION_ARG_NONE, &plain, "Do not encrypt, and do not ask", NULL},
		{"label", 0, 0, G_OPTION_ARG_STRING, &label,
		 "With --encrypt: what the first key is called", "TEXT"},
		{"parity", 0, 0, G_OPTION_ARG_NONE, &parity,
		 "Add parity to all packs, so that small damage does no harm", NULL},
		{"force", 0, 0, G_OPTION_ARG_NONE, &force,
		 "Make a vault even if there was one before", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(json_t) report = NULL;
	char **arguments = NULL;
	VkMakeFlags flags = 0;

	if (!vk_cmd_parse(program, "init", "Makes a new vault in an empty or new directory.",
			  entries, 0, argc, argv, &arguments, error))
		return FALSE;
	if (encrypt && plain)
		return vk_fail(error, VK_ERROR_USAGE, "--encrypt and --plain exclude each other");
	if (!encrypt && !plain && !ask_whether_to_encrypt(&encrypt, error))
		return FALSE;
	if (force)
		flags |= VK_MAKE_FORCE;
	if (parity)
		flags |= VK_MAKE_PARITY;
	vk_task_begin(program->settings, "init");
	vault = encrypt ? vk_make_encrypted_vault(program, label, flags, error)
			: vk_make_vault(program, flags, error);
	if (!vault)
		return FALSE;
	vk_task_set_vault(vk_vault_url(vault), vk_vault_id(vault));
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
