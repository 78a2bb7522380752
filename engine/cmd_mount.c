/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "errors.h"
#include "sibling.h"

gboolean vk_cmd_mount(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean foreground = FALSE;
	g_auto(GStrv) options = NULL;
	const GOptionEntry entries[] = {
		{"foreground", 'f', 0, G_OPTION_ARG_NONE, &foreground, "Stay in the foreground",
		 NULL},
		{"options", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &options, "Mount options",
		 "OPTIONS"},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GPtrArray) arguments = NULL;
	char **places = NULL;
	const char *url;

	if (!vk_cmd_parse(program, "mount MOUNTPOINT",
			  "Shows all snapshots of the vault as directories below MOUNTPOINT.",
			  entries, 1, argc, argv, &places, error))
		return FALSE;
	if (!places[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no mount point named: try 'virtkeep --help'");
	url = vk_program_vault_url(program, error);
	if (!url)
		return FALSE;

	arguments = vk_sibling_arguments(program, "virtkeep-mount");
	for (char **option = options; option && *option; option++) {
		g_ptr_array_add(arguments, g_strdup("-o"));
		g_ptr_array_add(arguments, g_strdup(*option));
	}
	if (foreground)
		g_ptr_array_add(arguments, g_strdup("-f"));
	g_ptr_array_add(arguments, g_strdup("--"));
	g_ptr_array_add(arguments, g_strdup(url));
	g_ptr_array_add(arguments, g_strdup(places[0]));
	return vk_sibling_exec("fs", arguments, error);
}
