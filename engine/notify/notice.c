/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notice.h"

#include "json.h"
#include "text.h"

#include <string.h>

#define SCHEMA        1
#define LINES_OF_LIST 50u
#define BYTES_OF_LINE 500u
#define TROUBLE_MAX   500u
#define SUBJECT_MAX   200u

static const char *const words[] = {
	[VK_NOTICE_START] = "start",       [VK_NOTICE_SUCCESS] = "success",
	[VK_NOTICE_WARNING] = "warning",   [VK_NOTICE_FAILURE] = "failure",
	[VK_NOTICE_RECOVERY] = "recovery", [VK_NOTICE_TEST] = "test",
};

const char *vk_notice_word(VkNoticeKind kind)
{
	return words[kind];
}

/* TEXT in at most SIZE bytes. New string. */
static char *cut(const char *text, gsize size)
{
	g_autofree char *printable = vk_printable(text);
	g_autofree char *start = NULL;

	if (strlen(printable) <= size)
		return g_steal_pointer(&printable);
	start = g_strndup(printable, size - strlen("..."));
	return g_strconcat(start, "...", NULL);
}

static guint count_failed(const VkTask *task)
{
	guint count = 0;

	for (guint i = 0; i < task->guests->len; i++)
		count += ((VkTaskGuest *)g_ptr_array_index(task->guests, i))->error != NULL;
	return count;
}

static VkNoticeKind kind_of(const VkTask *task)
{
	if (task->status != 0)
		return VK_NOTICE_FAILURE;
	return task->n_messages > 0 ? VK_NOTICE_WARNING : VK_NOTICE_SUCCESS;
}

/* Numbers change from run to run: sizes, times. */
static void append_without_digits(GString *trouble, const char *text)
{
	for (; *text && trouble->len < TROUBLE_MAX; text++)
		if (!g_ascii_isdigit(*text))
			g_string_append_c(trouble, *text);
	g_string_append_c(trouble, ';');
}

static gint compare_texts(gconstpointer left, gconstpointer right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Which guests failed, in any order; without any, what was said. */
static char *trouble_of(const VkTask *task)
{
	GString *trouble = g_string_new(NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	if (kind_of(task) == VK_NOTICE_SUCCESS)
		return g_string_free(trouble, FALSE);
	g_string_append_printf(trouble, "%d;", task->status);
	for (guint i = 0; i < task->guests->len; i++) {
		const VkTaskGuest *guest = g_ptr_array_index(task->guests, i);

		if (guest->error)
			g_ptr_array_add(names, guest->name);
	}
	g_ptr_array_sort(names, compare_texts);
	for (guint i = 0; i < names->len; i++)
		g_string_append_printf(trouble, "%s;", (char *)g_ptr_array_index(names, i));
	for (guint i = 0; names->len == 0 && i < task->messages->len; i++)
		append_without_digits(
			trouble, ((VkTaskMessage *)g_ptr_array_index(task->messages, i))->text);
	if (trouble->len > TROUBLE_MAX) {
		g_autofree char *sum =
			g_compute_checksum_for_string(G_CHECKSUM_SHA256, trouble->str, -1);

		g_string_assign(trouble, sum);
	}
	return g_string_free(trouble, FALSE);
}

static char *subject_of(const VkTask *task, VkNoticeKind kind)
{
	g_autofree char *what = task->job ? g_strdup_printf("%s (%s)", task->job, task->kind)
					  : g_strdup(task->kind);
	guint failed = count_failed(task);
	g_autofree char *subject = NULL;

	if (kind == VK_NOTICE_FAILURE && failed > 0)
		subject = g_strdup_printf("%s on %s: %u of %u failed", what, task->host, failed,
					  task->guests->len);
	else
		subject = g_strdup_printf("%s on %s: %s%s", what, task->host, vk_task_outcome(task),
					  kind == VK_NOTICE_WARNING ? ", with warnings" : "");
	return cut(subject, SUBJECT_MAX);
}

static void append_line(GString *text, guint *lines, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void append_line(GString *text, guint *lines, const char *format, ...)
{
	g_autofree char *line = NULL;
	g_autofree char *short_line = NULL;
	va_list args;

	if (++*lines > LINES_OF_LIST)
		return;
	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	short_line = cut(line, BYTES_OF_LINE);
	g_string_append_printf(text, "  %s\n", short_line);
}

static void append_more(GString *text, guint lines)
{
	if (lines > LINES_OF_LIST)
		g_string_append_printf(text, "  and %u more\n", lines - LINES_OF_LIST);
}

static void append_failed(GString *text, const VkTask *task)
{
	guint lines = 0;

	if (count_failed(task) == 0)
		return;
	g_string_append(text, "\nFailed:\n");
	for (guint i = 0; i < task->guests->len; i++) {
		const VkTaskGuest *guest = g_ptr_array_index(task->guests, i);

		if (guest->error)
			append_line(text, &lines, "%s: %s", guest->name, guest->error);
	}
	append_more(text, lines);
}

/* Whether the list of failed guests says it already. */
static gboolean is_of_guest(const VkTask *task, const char *message)
{
	for (guint i = 0; i < task->guests->len; i++) {
		const VkTaskGuest *guest = g_ptr_array_index(task->guests, i);

		if (g_strcmp0(guest->error, message) == 0)
			return TRUE;
	}
	return FALSE;
}

static void append_messages(GString *text, const VkTask *task)
{
	guint lines = 0;

	for (guint i = 0; i < task->messages->len; i++) {
		const VkTaskMessage *message = g_ptr_array_index(task->messages, i);

		if (is_of_guest(task, message->text))
			continue;
		if (lines == 0)
			g_string_append(text, "\nSaid:\n");
		append_line(text, &lines, "%s%s",
			    message->is_error ? "" : "warning: ", message->text);
	}
	append_more(text, lines);
}

/* "2026-11-29 01:30 +0100" of microseconds since 1970. New string. */
static char *local_time(gint64 usec)
{
	g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(usec / G_USEC_PER_SEC);

	return moment ? g_date_time_format(moment, "%Y-%m-%d %H:%M %z") : g_strdup("?");
}

static char *text_of(const VkTask *task)
{
	GString *text = g_string_new(NULL);
	g_autofree char *began = local_time(task->began);
	g_autofree char *command = cut(task->command ? task->command : task->kind, BYTES_OF_LINE);
	g_autofree char *vault = cut(task->vault ? task->vault : "?", BYTES_OF_LINE);
	guint done = task->guests->len - count_failed(task);
	gint64 seconds = (task->ended - task->began) / G_USEC_PER_SEC;

	g_string_append_printf(text, "Host:    %s\nCommand: %s\nVault:   %s\n", task->host, command,
			       vault);
	g_string_append_printf(text,
			       "Began:   %s, took %" G_GINT64_FORMAT " s\n"
			       "Result:  %s (exit status %d)\n",
			       began, seconds, vk_task_outcome(task), task->status);
	if (task->guests->len > 0)
		g_string_append_printf(text, "Done:    %u of %u\n", done, task->guests->len);
	append_failed(text, task);
	append_messages(text, task);
	if (task->id > 0)
		g_string_append_printf(text,
				       "\n'virtkeep log %" G_GUINT64_FORMAT
				       "' on that host shows all of it.\n",
				       task->id);
	return g_string_free(text, FALSE);
}

/* A job may replicate to several vaults: each of these is on its own. */
static char *key_of(const VkTask *task)
{
	g_autofree char *target = vk_task_target(task);
	const char *name = task->job ? task->job : task->command ? task->command : "";

	return g_strdup_printf("%s %s %s", task->kind, name, target ? target : "");
}

VkNotice *vk_notice_new(const VkTask *task)
{
	VkNotice *notice = g_new0(VkNotice, 1);

	notice->kind = kind_of(task);
	notice->id = g_uuid_string_random();
	notice->subject = subject_of(task, notice->kind);
	notice->text = text_of(task);
	notice->key = key_of(task);
	notice->trouble = trouble_of(task);
	notice->command = g_strdup(task->kind);
	notice->status = task->status;
	notice->task = vk_task_to_json(task, FALSE);
	return notice;
}

/* One that is about no task that has ended. SUBJECT is taken over. */
static VkNotice *new_plain(VkNoticeKind kind, const char *command, char *subject)
{
	VkNotice *notice = g_new0(VkNotice, 1);

	notice->kind = kind;
	notice->id = g_uuid_string_random();
	notice->subject = subject;
	notice->text = g_strconcat(subject, "\n", NULL);
	notice->key = g_strdup("");
	notice->trouble = g_strdup("");
	notice->command = g_strdup(command);
	return notice;
}

VkNotice *vk_notice_new_start(const char *command)
{
	return new_plain(VK_NOTICE_START, command,
			 g_strdup_printf("%s on %s started", command, g_get_host_name()));
}

VkNotice *vk_notice_new_test(const char *target)
{
	return new_plain(VK_NOTICE_TEST, "notify",
			 g_strdup_printf("test of '%s': notices of virtkeep on %s arrive here",
					 target, g_get_host_name()));
}

void vk_notice_free(VkNotice *notice)
{
	if (!notice)
		return;
	g_free(notice->id);
	g_free(notice->subject);
	g_free(notice->text);
	g_free(notice->key);
	g_free(notice->trouble);
	g_free(notice->command);
	json_decref(notice->task);
	g_free(notice);
}

void vk_notice_recover(VkNotice *notice)
{
	const char *host = vk_json_optional_string(notice->task, "host");
	const char *job = vk_json_optional_string(notice->task, "job");

	notice->kind = VK_NOTICE_RECOVERY;
	g_free(notice->subject);
	notice->subject = g_strdup_printf("%s on %s works again", job ? job : notice->command,
					  host ? host : g_get_host_name());
}

json_t *vk_notice_to_json(const VkNotice *notice)
{
	return json_pack("{s:i, s:o, s:s, s:o, s:o, s:o, s:i, s:o}", "schema", SCHEMA, "id",
			 vk_json_new_string(notice->id), "event", vk_notice_word(notice->kind),
			 "subject", vk_json_new_string(notice->subject), "text",
			 vk_json_new_string(notice->text), "command",
			 vk_json_new_string(notice->command), "status", notice->status, "task",
			 notice->task ? json_incref(notice->task) : json_null());
}

VkNotice *vk_notice_from_json(const json_t *object)
{
	static const char *const keys[] = {"id", "event", "subject", "text", "command"};
	json_t *task = json_object_get(object, "task");
	VkNotice *notice;

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (!vk_json_optional_string(object, keys[i]))
			return NULL;
	notice = g_new0(VkNotice, 1);
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
		if (g_str_equal(words[i], vk_json_optional_string(object, "event")))
			notice->kind = (VkNoticeKind)i;
	notice->id = g_strdup(vk_json_optional_string(object, "id"));
	notice->subject = g_strdup(vk_json_optional_string(object, "subject"));
	notice->text = g_strdup(vk_json_optional_string(object, "text"));
	notice->command = g_strdup(vk_json_optional_string(object, "command"));
	notice->status = (int)json_integer_value(json_object_get(object, "status"));
	notice->task = json_is_object(task) ? json_incref(task) : NULL;
	return notice;
}
