/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep log": what was done on this host. */
#include "cmd-log.h"
#include "cmd.h"

#include "errors.h"
#include "history.h"
#include "json.h"
#include "log.h"
#include "when.h"

#define MAX_DEFAULT "50"
#define MAX_MAX     1000000u

typedef struct Arguments {
	char *since, *kind, *max;
} Arguments;

static void arguments_clear(Arguments *arguments)
{
	g_free(arguments->since);
	g_free(arguments->kind);
	g_free(arguments->max);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static gboolean check_kind(const char *kind, GError **error)
{
	g_autoptr(GString) kinds = g_string_new(NULL);

	if (g_strv_contains(vk_task_kinds, kind))
		return TRUE;
	for (guint i = 0; vk_task_kinds[i]; i++)
		g_string_append_printf(kinds, "%s%s", i > 0 ? ", " : "", vk_task_kinds[i]);
	return vk_fail(error, VK_ERROR_USAGE, "--kind: '%s' is not one of %s", kind, kinds->str);
}

static gboolean take_filter(const Arguments *arguments, VkHistoryFilter *filter, GError **error)
{
	const char *max_text = arguments->max ? arguments->max : MAX_DEFAULT;
	guint64 max;
	VkWhen when;

	if (arguments->kind && !check_kind(arguments->kind, error))
		return FALSE;
	if (!g_ascii_string_to_unsigned(max_text, 10, 0, MAX_MAX, &max, NULL))
		return vk_fail(error, VK_ERROR_USAGE, "--max: '%s' is not a whole number up to %u",
			       max_text, MAX_MAX);
	if (arguments->since) {
		if (!vk_when_parse_moment(arguments->since, g_get_real_time() / G_USEC_PER_SEC,
					  &when, error))
			return FALSE;
		filter->since = when.first * G_USEC_PER_SEC;
	}
	filter->kind = arguments->kind;
	/* One more shows that there are more, to somebody who did not choose how many. */
	filter->max = (guint)max + (arguments->max ? 0 : 1);
	return TRUE;
}

static void print_json(const GPtrArray *tasks)
{
	for (guint i = 0; i < tasks->len; i++) {
		g_autoptr(json_t) object = vk_task_to_json(g_ptr_array_index(tasks, i), FALSE);

		vk_json_print_item(object, i == 0);
	}
	vk_json_print_end(tasks->len == 0);
}

/* HISTORY is NULL when there is none yet. */
static gboolean print_list(const VkProgram *program, VkHistory *history,
			   const VkHistoryFilter *filter, gboolean is_max_given, GError **error)
{
	g_autoptr(GPtrArray) tasks =
		history ? vk_history_list(history, filter, error) : g_ptr_array_new();
	gboolean cut;

	if (!tasks)
		return FALSE;
	cut = !is_max_given && tasks->len == filter->max;
	if (cut)
		g_ptr_array_set_size(tasks, (gint)filter->max - 1);
	if (program->json)
		print_json(tasks);
	else
		vk_log_print_list(tasks, filter->about);
	if (tasks->len == 0)
		vk_log_info("nothing is recorded%s",
			    filter->about || filter->kind || filter->since ? " that fits" : " yet");
	if (cut)
		vk_log_info("these are the newest %u; --max 0 shows all", tasks->len);
	return TRUE;
}

static gboolean print_task(const VkProgram *program, VkHistory *history, guint64 id, GError **error)
{
	g_autoptr(VkTask) task = vk_history_load(history, id, error);
	g_autoptr(json_t) object = NULL;

	if (!task)
		return FALSE;
	if (!program->json) {
		vk_log_print_task(task);
		return TRUE;
	}
	object = vk_task_to_json(task, TRUE);
	vk_json_print(object);
	return TRUE;
}

gboolean vk_cmd_log(VkProgram *program, int argc, char **argv, GError **error)
{
	g_auto(Arguments) arguments = {0};
	const GOptionEntry entries[] = {
		{"since", 0, 0, G_OPTION_ARG_STRING, &arguments.since,
		 "What began at this time or later", "WHEN"},
		{"kind", 0, 0, G_OPTION_ARG_STRING, &arguments.kind,
		 "Only this: backup, copy, forget, gc, verify, restore, ...", "KIND"},
		{"max", 0, 0, G_OPTION_ARG_STRING, &arguments.max,
		 "At most the newest N; 0: all (default " MAX_DEFAULT ")", "N"},
		G_OPTION_ENTRY_NULL,
	};
	VkHistoryFilter filter = {0};
	g_autoptr(VkHistory) history = NULL;
	g_autoptr(GError) trouble = NULL;
	char **names = NULL;
	gboolean is_id;
	guint64 id;

	if (!vk_cmd_parse(program, "log [GUEST|JOB|ID]",
			  "Lists what virtkeep did on this host, the newest first: all of it, or "
			  "what was about a\nGUEST, or what a JOB did. ID shows one entry of the "
			  "list whole.",
			  entries, 1, argc, argv, &names, error) ||
	    !take_filter(&arguments, &filter, error))
		return FALSE;
	history = vk_history_open(vk_settings_get(program->settings, "history", "dir"), FALSE,
				  &trouble);
	is_id = names[0] && g_ascii_string_to_unsigned(names[0], 10, 1, G_MAXINT64, &id, NULL);
	if (!history && (is_id || !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (is_id)
		return print_task(program, history, id, error);
	filter.about = names[0];
	return print_list(program, history, &filter, arguments.max != NULL, error);
}
