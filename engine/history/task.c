/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "task.h"

#include "errors.h"
#include "json.h"
#include "text.h"

#include <string.h>

const char *const vk_task_kinds[] = {
	"backup", "copy",    "forget",    "unforget", "gc",         "init",      "verify",
	"repair", "rebuild", "replicate", "restore",  "files-copy", "boot-test", NULL,
};

VkTask *vk_task_new(const char *kind)
{
	VkTask *task = g_new0(VkTask, 1);

	task->kind = g_strdup(kind);
	task->host = g_strdup(g_get_host_name());
	task->guests = g_ptr_array_new_with_free_func((GDestroyNotify)vk_task_guest_free);
	task->messages = g_ptr_array_new();
	return task;
}

static void free_message(VkTaskMessage *message)
{
	g_free(message->text);
	g_free(message);
}

void vk_task_free(VkTask *task)
{
	if (!task)
		return;
	g_free(task->kind);
	g_free(task->job);
	g_free(task->host);
	g_free(task->user);
	g_free(task->command);
	g_free(task->vault);
	g_free(task->vault_id);
	g_free(task->document);
	g_free(task->error);
	g_ptr_array_unref(task->guests);
	g_ptr_array_set_free_func(task->messages, (GDestroyNotify)free_message);
	g_ptr_array_unref(task->messages);
	g_free(task);
}

VkTaskGuest *vk_task_guest_new(const char *name)
{
	VkTaskGuest *guest = g_new0(VkTaskGuest, 1);

	guest->name = g_strdup(name);
	guest->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vk_task_disk_free);
	return guest;
}

void vk_task_guest_free(VkTaskGuest *guest)
{
	g_free(guest->name);
	g_free(guest->uuid);
	g_free(guest->time);
	g_free(guest->grade);
	g_free(guest->error);
	g_ptr_array_unref(guest->disks);
	g_free(guest);
}

VkTaskDisk *vk_task_disk_new(const char *target)
{
	VkTaskDisk *disk = g_new0(VkTaskDisk, 1);

	disk->target = g_strdup(target);
	return disk;
}

void vk_task_disk_free(VkTaskDisk *disk)
{
	g_free(disk->target);
	g_free(disk->mode);
	g_free(disk->reason);
	g_free(disk);
}

void vk_task_add_message(VkTask *task, gboolean is_error, const char *text)
{
	VkTaskMessage *message;

	task->n_messages++;
	if (is_error) {
		g_free(task->error);
		task->error = vk_printable_foreign(text);
	}
	if (task->messages->len >= VK_TASK_MESSAGES_MAX)
		return;
	message = g_new0(VkTaskMessage, 1);
	message->is_error = is_error;
	message->said = g_get_real_time();
	message->text = vk_printable_foreign(text);
	g_ptr_array_add(task->messages, message);
}

const char *vk_task_outcome(const VkTask *task)
{
	static const char *const words[] = {
		[0] = "done",
		[VK_ERROR_FAILED] = "failed",
		[VK_ERROR_USAGE] = "wrong usage",
		[VK_ERROR_PARTIAL] = "in part",
		[VK_ERROR_BUSY] = "busy",
		[VK_ERROR_DAMAGE] = "damage found",
		[VK_ERROR_NOT_FOUND] = "not found",
	};

	if (!task->ended)
		return task->running ? "running" : "interrupted";
	return task->status >= 0 && task->status < (int)G_N_ELEMENTS(words) ? words[task->status]
									    : "failed";
}

char *vk_task_target(const VkTask *task)
{
	g_auto(GStrv) words = NULL;
	const char *target = NULL;

	if (!g_str_equal(task->kind, "replicate") || !task->command ||
	    !g_shell_parse_argv(task->command, NULL, &words, NULL))
		return NULL;
	/* The last one counts. */
	for (char **word = words; *word && !g_str_equal(*word, "--"); word++)
		if (g_str_equal(*word, "--to"))
			target = word[1];
		else if (g_str_has_prefix(*word, "--to="))
			target = *word + strlen("--to=");
	return g_strdup(target);
}

/* ISO 8601 with milliseconds; null for 0. */
static json_t *time_to_json(gint64 usec)
{
	g_autoptr(GDateTime) moment =
		usec ? g_date_time_new_from_unix_utc(usec / G_USEC_PER_SEC) : NULL;
	g_autofree char *day = moment ? g_date_time_format(moment, "%Y-%m-%dT%H:%M:%S") : NULL;
	g_autofree char *text =
		day ? g_strdup_printf("%s.%03dZ", day, (int)(usec % G_USEC_PER_SEC / 1000)) : NULL;

	return vk_json_new_string(text);
}

static json_t *disk_to_json(const VkTaskDisk *disk)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "target",
			 vk_json_new_string(disk->target), "mode", vk_json_new_string(disk->mode),
			 "reason", vk_json_new_string(disk->reason), "size",
			 vk_json_new_uint(disk->size), "read", vk_json_new_uint(disk->read), "new",
			 vk_json_new_uint(disk->fresh), "stored", vk_json_new_uint(disk->stored));
}

static json_t *guest_to_json(const VkTaskGuest *guest, gboolean whole)
{
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "guest",
		vk_json_new_string(guest->name), "uuid", vk_json_new_string(guest->uuid), "time",
		vk_json_new_string(guest->time), "consistency", vk_json_new_string(guest->grade),
		"error", vk_json_new_string(guest->error), "pause_ms",
		vk_json_new_uint(guest->pause_msec), "duration_ms",
		vk_json_new_uint(guest->duration_msec), "read", vk_json_new_uint(guest->read),
		"new", vk_json_new_uint(guest->fresh), "stored", vk_json_new_uint(guest->stored));
	json_t *disks = json_array();

	for (guint i = 0; whole && i < guest->disks->len; i++)
		json_array_append_new(disks, disk_to_json(g_ptr_array_index(guest->disks, i)));
	if (whole)
		json_object_set(object, "disks", disks);
	json_decref(disks);
	return object;
}

static json_t *message_to_json(const VkTaskMessage *message)
{
	return json_pack("{s:o, s:s, s:o}", "time", time_to_json(message->said), "level",
			 message->is_error ? "error" : "warning", "text",
			 vk_json_new_string(message->text));
}

static void add_rest(json_t *object, const VkTask *task)
{
	json_t *messages = json_array();
	json_t *result = task->document ? json_loads(task->document, JSON_DECODE_ANY, NULL) : NULL;

	for (guint i = 0; i < task->messages->len; i++)
		json_array_append_new(messages,
				      message_to_json(g_ptr_array_index(task->messages, i)));
	json_object_set_new(object, "messages", messages);
	json_object_set_new(object, "messages_said", json_integer(task->n_messages));
	json_object_set_new(object, "result", result ? result : json_null());
}

json_t *vk_task_to_json(const VkTask *task, gboolean whole)
{
	json_t *guests = json_array();
	json_t *object = json_pack(
		"{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)task->id,
		"kind", vk_json_new_string(task->kind), "job", vk_json_new_string(task->job),
		"host", vk_json_new_string(task->host), "user", vk_json_new_string(task->user),
		"command", vk_json_new_string(task->command), "vault",
		vk_json_new_string(task->vault), "vault_id", vk_json_new_string(task->vault_id),
		"began", time_to_json(task->began), "ended", time_to_json(task->ended));

	for (guint i = 0; i < task->guests->len; i++)
		json_array_append_new(guests,
				      guest_to_json(g_ptr_array_index(task->guests, i), whole));
	json_object_set_new(object, "duration_ms",
			    task->ended ? json_integer((task->ended - task->began + 999) / 1000)
					: json_null());
	json_object_set_new(object, "status",
			    task->ended ? json_integer(task->status) : json_null());
	json_object_set_new(object, "outcome", json_string(vk_task_outcome(task)));
	json_object_set_new(object, "error", vk_json_new_string(task->error));
	json_object_set_new(object, "guests", guests);
	if (whole)
		add_rest(object, task);
	return object;
}
