/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "errors.h"

#include <string.h>

/* The values from before the command, which the parse after it may have put others over. */
static void free_replaced(const VkProgram *before, const VkProgram *after)
{
	if (before->config_path != after->config_path)
		g_free(before->config_path);
	if (before->vault_url != after->vault_url)
		g_free(before->vault_url);
	if (before->libvirt_uri != after->libvirt_uri)
		g_free(before->libvirt_uri);
}

gboolean vk_cmd_parse(VkProgram *program, const char *usage, const char *summary,
		      const GOptionEntry *entries, int max_arguments, int argc, char **argv,
		      char ***ret_arguments, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	g_autoptr(GError) trouble = NULL;
	const VkProgram before = *program;
	char **arguments = argv + 1;

	g_option_context_set_summary(context, summary);
	if (entries)
		g_option_context_add_main_entries(context, entries, NULL);
	vk_program_add_options(program, context);
	if (!g_option_context_parse(context, &argc, &argv, &trouble))
		return vk_fail(error, VK_ERROR_USAGE, "%s: try 'virtkeep --help'",
			       trouble->message);
	free_replaced(&before, program);

	argv[argc] = NULL;
	if (arguments[0] && strcmp(arguments[0], "--") == 0)
		arguments++;
	if (max_arguments >= 0 && g_strv_length(arguments) > (guint)max_arguments)
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' is an argument too many: try 'virtkeep --help'",
			       arguments[max_arguments]);
	*ret_arguments = arguments;
	return vk_program_start(program, error);
}
