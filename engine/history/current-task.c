/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "current-task.h"

#include "duration.h"
#include "history.h"
#include "json.h"
#include "log.h"
#include "text.h"

#include <string.h>

/* Of a command line that is kept. */
#define COMMAND_MAX 2000u

static struct {
	GMutex mutex;       /* guards the messages of TASK: any thread may log */
	VkTask *task;       /* NULL: there is none */
	VkHistory *history; /* NULL: it cannot be used */
	const VkSettings *settings;
} current;

static void keep_message(gboolean is_error, const char *text)
{
	g_mutex_lock(&current.mutex);
	if (current.task)
		vk_task_add_message(current.task, is_error, text);
	g_mutex_unlock(&current.mutex);
}

/* The command line as it was typed, shell quotes as they are needed. Nullable. */
static char *command_line(void)
{
	g_autofree char *text = NULL;
	g_autoptr(GString) line = g_string_new(NULL);
	gsize length = 0;

	if (!g_file_get_contents("/proc/self/cmdline", &text, &length, NULL))
		return NULL;
	for (gsize at = 0; at < length && line->len < COMMAND_MAX; at += strlen(text + at) + 1) {
		const char *word = at == 0 && g_get_prgname() ? g_get_prgname() : text + at;
		g_autofree char *plain =
			strstr(word, "://") ? vk_url_without_secrets(word) : g_strdup(word);
		g_autofree char *quoted = strpbrk(plain, " \t\n\"'\\$*?[]()<>|&;`~#")
						  ? g_shell_quote(plain)
						  : g_strdup(plain);

		g_string_append_printf(line, "%s%s", at > 0 ? " " : "", quoted);
	}
	return vk_printable_foreign(line->str);
}

/* Root by sudo is somebody. */
static char *user_name(void)
{
	const char *sudo = g_getenv("SUDO_USER");

	return vk_printable_foreign(sudo && *sudo ? sudo : g_get_user_name());
}

static void warn(const GError *trouble)
{
	vk_log_warning("this is not recorded: %s", trouble->message);
}

static VkTaskBegun begun_hook;

void vk_task_on_begin(VkTaskBegun hook)
{
	begun_hook = hook;
}

void vk_task_begin(const VkSettings *settings, const char *kind)
{
	const char *job = g_getenv(VK_TASK_JOB_VARIABLE);
	g_autoptr(GError) trouble = NULL;
	VkTask *task = vk_task_new(kind);

	g_assert(!current.task);
	task->began = g_get_real_time();
	task->job = job && *job ? vk_printable_foreign(job) : NULL;
	task->user = user_name();
	task->command = command_line();
	g_mutex_lock(&current.mutex);
	current.task = task;
	g_mutex_unlock(&current.mutex);
	current.settings = settings;
	vk_log_set_hook(keep_message);
	current.history =
		vk_history_open(vk_settings_get(settings, "history", "dir"), TRUE, &trouble);
	if (!current.history || !vk_history_begin(current.history, task, &trouble)) {
		g_clear_pointer(&current.history, vk_history_free);
		warn(trouble);
	}
	if (begun_hook)
		begun_hook(settings, kind);
}

void vk_task_set_vault(const char *place, const char *id)
{
	if (!current.task || current.task->vault)
		return;
	current.task->vault = vk_url_without_secrets(place);
	current.task->vault_id = g_strdup(id);
}

void vk_task_about(const char *snapshot)
{
	const char *at = strrchr(snapshot, '@');
	g_autofree char *name = g_strndup(snapshot, at ? (gsize)(at - snapshot) : strlen(snapshot));

	if (current.task && current.task->guests->len < VK_TASK_GUESTS_MAX)
		g_ptr_array_add(current.task->guests, vk_task_guest_new(name));
}

void vk_task_result(const json_t *document, gboolean print)
{
	if (current.task)
		vk_task_set_document(current.task, document);
	if (print)
		vk_json_print(document);
}

static gboolean prune(GError **error)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_local();
	VkDuration keep;
	gint64 before;

	if (!vk_duration_parse(vk_settings_get(current.settings, "history", "keep"), &keep, error))
		return FALSE;
	before = vk_duration_before(&keep, g_get_real_time() / G_USEC_PER_SEC, zone);
	return before <= 0 || vk_history_prune(current.history, before * G_USEC_PER_SEC, error);
}

VkTask *vk_task_end(int status)
{
	g_autoptr(GError) trouble = NULL;
	VkTask *task = current.task;

	if (!task)
		return NULL;
	vk_log_set_hook(NULL);
	g_mutex_lock(&current.mutex);
	current.task = NULL;
	g_mutex_unlock(&current.mutex);
	task->ended = MAX(g_get_real_time(), task->began + 1);
	task->status = status;
	if (current.history &&
	    (!vk_history_end(current.history, task, &trouble) || !prune(&trouble)))
		warn(trouble);
	g_clear_pointer(&current.history, vk_history_free);
	return task;
}
