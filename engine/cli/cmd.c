/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "complete-words.h"
#include "duration.h"
#include "errors.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>

/* The NAMEs of the sections [KIND NAME]. */
static void offer_sections(const VkCompletion *completion, const VkProgram *program,
			   const char *kind)
{
	g_auto(GStrv) names = vk_settings_get_names(program->settings, kind);

	for (char **name = names; *name; name++)
		vk_completion_offer(completion, *name, NULL);
}

/* Some commands are about the guests that the vault has. */
static gboolean complete_words(const VkCompletion *completion, const char *kind, gpointer program)
{
	static const char *const of_vault[] = {"check",  "list",   "log", "report",
					       "status", "verify", NULL};
	const char *command = *vk_completion_words(completion);

	if (strcmp(kind, "JOB") == 0) {
		offer_sections(completion, program, "job");
		return TRUE;
	}
	if (strcmp(kind, "NAME") == 0 && strcmp(command, "notify") == 0) {
		offer_sections(completion, program, "notify");
		return TRUE;
	}
	if (strcmp(kind, "PATTERN") == 0)
		kind = "GUEST";
	/* With the snapshots their guests are offered. */
	if (strcmp(kind, "GUEST") == 0 && strcmp(command, "forget") == 0)
		return TRUE;
	if (strcmp(kind, "SNAPSHOT") == 0 && strcmp(command, "unforget") == 0)
		kind = "FORGOTTEN";
	if (strcmp(kind, "GUEST") == 0 && g_strv_contains(of_vault, command))
		kind = "SAVED";
	return vk_complete_words(completion, kind, program);
}

/*
 * Answers the shell what may stand at the cursor, with the vault and the host that the line names.
 */
static void complete(VkProgram *program, GOptionContext *context, const char *usage)
{
	const VkCompletion *completion = program->completion;

	g_strfreev(vk_completion_parse(completion, context));
	program->version = program->verbose = FALSE;
	program->quiet = TRUE;
	vk_program_start(program, NULL);
	vk_completion_answer(completion, usage, program->settings ? complete_words : NULL, program);
	exit(0);
}

gboolean vk_cmd_parse(VkProgram *program, const char *usage, const char *summary,
		      const GOptionEntry *entries, int max_arguments, int argc, char **argv,
		      char ***ret_arguments, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	char **arguments = argv + 1;

	g_option_context_set_summary(context, summary);
	if (entries)
		g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(program->completion, entries);
	vk_program_add_options(program, context);
	if (program->completion)
		complete(program, context, usage);
	if (!vk_program_parse(program, context, &argc, &argv, error))
		return FALSE;
	if (arguments[0] && strcmp(arguments[0], "--") == 0)
		arguments++;
	if (max_arguments >= 0 && g_strv_length(arguments) > (guint)max_arguments)
		return vk_fail(error, VK_ERROR_USAGE,
			       "unexpected argument '%s': try 'virtkeep --help'",
			       arguments[max_arguments]);
	*ret_arguments = arguments;
	return vk_program_start(program, error);
}

gboolean vk_cmd_parse_rate(const char *text, guint64 *ret, GError **error)
{
	*ret = 0;
	if (!text)
		return TRUE;
	if (!vk_settings_check_value("backup", "limit_rate", text, error)) {
		g_prefix_error(error, "--limit-rate: ");
		return FALSE;
	}
	*ret = g_ascii_strtoull(text, NULL, 10) << 20;
	return TRUE;
}

gboolean vk_cmd_parse_max_age(const char *text, gint64 *ret_sec, GError **error)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC, before;
	g_autoptr(GTimeZone) zone = g_time_zone_new_local();
	VkDuration duration;

	if (!vk_duration_parse(text ? text : VK_MAX_AGE_DEFAULT, &duration, error)) {
		g_prefix_error(error, "--max-age: ");
		return FALSE;
	}
	before = vk_duration_before(&duration, now, zone);
	*ret_sec = now - MAX(before, 0);
	return TRUE;
}
