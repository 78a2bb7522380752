/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep metrics": what monitoring asks, for Prometheus. */
#include "cmd.h"

#include "errors.h"
#include "metrics.h"
#include "open-vault.h"
#include "text.h"

#include <stdio.h>

/* Line by line: each is printable already, and so stays as it is. */
static void print(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line && **line; line++)
		vk_print_line(stdout, "%s", *line);
}

static gboolean show(VkProgram *program, const char *textfile, gboolean space, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	g_autofree char *text = NULL;

	if (vault && space)
		text = vk_metrics_space_text(vault, error);
	else if (vault)
		text = vk_metrics_text(vault, program->settings, vk_program_libvirt_uri(program),
				       error);
	if (!text)
		return FALSE;
	if (textfile)
		return vk_metrics_write(textfile, text, error);
	print(text);
	return TRUE;
}

gboolean vk_cmd_metrics(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autofree char *textfile = NULL;
	gboolean space = FALSE;
	const GOptionEntry entries[] = {
		{"textfile", 0, 0, G_OPTION_ARG_FILENAME, &textfile,
		 "Write them into this file, for the exporter of the host", "FILE"},
		{"space", 0, 0, G_OPTION_ARG_NONE, &space,
		 "Instead, measure what guests take; this reads all maps", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "metrics",
			  "Prints for Prometheus how well each guest is saved, and how the vault "
			  "is.",
			  entries, 0, argc, argv, &arguments, error))
		return FALSE;
	if (program->json)
		return vk_fail(error, VK_ERROR_USAGE,
			       "metrics have a form of their own: leave out --json, or use "
			       "'virtkeep --json report'");
	return show(program, textfile, space, error);
}
