/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep notify test NAME", "virtkeep notify flush". */
#include "cmd.h"

#include "errors.h"
#include "json.h"
#include "notify.h"
#include "text.h"

#include <stdio.h>

static gboolean test(const VkProgram *program, const char *name, GError **error)
{
	g_autoptr(json_t) report = NULL;

	if (!name)
		return vk_fail(error, VK_ERROR_USAGE,
			       "no NAME: write 'notify test NAME' for the section [notify NAME]");
	if (!vk_notify_test(program->settings, name, error))
		return FALSE;
	report = json_pack("{s:o}", "sent", vk_json_new_string(name));
	if (program->json)
		vk_json_print(report);
	else if (!program->quiet)
		vk_print_line(stdout, "'%s' has taken the test", name);
	return TRUE;
}

static gboolean flush(const VkProgram *program, GError **error)
{
	g_autofree char *notices = NULL;
	g_autoptr(json_t) report = NULL;
	guint kept;

	if (!vk_notify_flush(program->settings, &kept, error))
		return FALSE;
	notices = vk_count_text(kept, "notice");
	report = json_pack("{s:I}", "kept", (json_int_t)kept);
	if (program->json)
		vk_json_print(report);
	else if (!program->quiet && kept == 0)
		vk_print_line(stdout, "nothing waits to be sent");
	return kept == 0 || vk_fail(error, VK_ERROR_FAILED,
				    "%s could not be sent yet; the next run tries again", notices);
}

gboolean vk_cmd_notify(VkProgram *program, int argc, char **argv, GError **error)
{
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "notify test NAME | notify flush",
			  "test sends a test to the target of the section [notify NAME]; flush "
			  "sends what could\nnot be sent before.",
			  NULL, 2, argc, argv, &arguments, error))
		return FALSE;
	if (g_strcmp0(arguments[0], "test") == 0)
		return test(program, arguments[1], error);
	if (g_strcmp0(arguments[0], "flush") == 0 && !arguments[1])
		return flush(program, error);
	return vk_fail(error, VK_ERROR_USAGE,
		       "write 'notify test NAME' or 'notify flush': see 'virtkeep notify --help'");
}
