/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "sibling.h"

/* Nothing is parsed here, so that virtkeep-restore alone knows its options, --help among them. */
gboolean vk_cmd_restore(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(GPtrArray) arguments = vk_sibling_arguments(program, "virtkeep-restore");

	for (int i = 1; i < argc; i++)
		g_ptr_array_add(arguments, g_strdup(argv[i]));
	return vk_sibling_exec("restore", arguments, error);
}
