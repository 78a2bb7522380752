/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the history knows. */
#include "history-priv.h"

#include "errors.h"

#define TASK_COLUMNS                                                                              \
	"id, kind, job, host, user, command, vault, vault_id, began, ended, status, n_messages, " \
	"error, document "

static const char list_text[] =
	"SELECT " TASK_COLUMNS "FROM tasks WHERE began >= ?1 AND (?2 IS NULL OR kind = ?2) AND "
	"(?3 IS NULL OR job = ?3 OR "
	"id IN (SELECT task FROM guests WHERE name = ?3) OR "
	"id IN (SELECT task FROM guests WHERE uuid = ?3)) ORDER BY began DESC, id DESC LIMIT ?4";

static const char load_text[] = "SELECT " TASK_COLUMNS "FROM tasks WHERE id = ?1";

static const char guests_text[] =
	"SELECT name, uuid, time, grade, error, pause_msec, duration_msec, bytes_read, fresh, "
	"stored FROM guests WHERE task = ?1 ORDER BY n";

static const char disks_text[] =
	"SELECT guest, target, mode, reason, size, bytes_read, fresh, stored FROM disks "
	"WHERE task = ?1 ORDER BY guest, n";

static const char messages_text[] =
	"SELECT is_error, said, text FROM messages WHERE task = ?1 ORDER BY n";

/* New string; NULL for NULL. */
static char *text_at(sqlite3_stmt *row, int column)
{
	return g_strdup((const char *)sqlite3_column_text(row, column));
}

static guint64 number_at(sqlite3_stmt *row, int column)
{
	return (guint64)MAX(sqlite3_column_int64(row, column), 0);
}

/* The file may be anybody's work: what has to be there is. */
static char *word_at(sqlite3_stmt *row, int column)
{
	char *word = text_at(row, column);

	return word ? word : g_strdup("");
}

static VkTask *task_at(const VkHistory *history, sqlite3_stmt *row)
{
	g_autofree char *kind = word_at(row, 1);
	VkTask *task = vk_task_new(kind);

	g_free(task->host);
	task->id = number_at(row, 0);
	task->job = text_at(row, 2);
	task->host = word_at(row, 3);
	task->user = text_at(row, 4);
	task->command = text_at(row, 5);
	task->vault = text_at(row, 6);
	task->vault_id = text_at(row, 7);
	task->began = sqlite3_column_int64(row, 8);
	task->ended = sqlite3_column_int64(row, 9);
	task->status = sqlite3_column_int(row, 10);
	task->n_messages = (guint)number_at(row, 11);
	task->error = text_at(row, 12);
	task->running = !task->ended && vk_history_is_running(history, task->id);
	return task;
}

/* A function that takes a ROW of a task's. */
typedef void (*TakeRow)(VkTask *task, sqlite3_stmt *row);

static void take_guest(VkTask *task, sqlite3_stmt *row)
{
	g_autofree char *name = word_at(row, 0);
	VkTaskGuest *guest = vk_task_guest_new(name);

	guest->uuid = text_at(row, 1);
	guest->time = text_at(row, 2);
	guest->grade = text_at(row, 3);
	guest->error = text_at(row, 4);
	guest->pause_msec = number_at(row, 5);
	guest->duration_msec = number_at(row, 6);
	guest->read = number_at(row, 7);
	guest->fresh = number_at(row, 8);
	guest->stored = number_at(row, 9);
	g_ptr_array_add(task->guests, guest);
}

static void take_disk(VkTask *task, sqlite3_stmt *row)
{
	guint64 n = number_at(row, 0);
	g_autofree char *target = word_at(row, 1);
	const VkTaskGuest *guest;
	VkTaskDisk *disk;

	if (n >= task->guests->len)
		return;
	guest = g_ptr_array_index(task->guests, n);
	disk = vk_task_disk_new(target);
	disk->mode = text_at(row, 2);
	disk->reason = text_at(row, 3);
	disk->size = number_at(row, 4);
	disk->read = number_at(row, 5);
	disk->fresh = number_at(row, 6);
	disk->stored = number_at(row, 7);
	g_ptr_array_add(guest->disks, disk);
}

static void take_message(VkTask *task, sqlite3_stmt *row)
{
	VkTaskMessage *message = g_new0(VkTaskMessage, 1);

	message->is_error = sqlite3_column_int(row, 0) != 0;
	message->said = sqlite3_column_int64(row, 1);
	message->text = word_at(row, 2);
	g_ptr_array_add(task->messages, message);
}

/* Runs TEXT, with ?1 for the id of TASK, and has TAKE called for each row. */
static gboolean read_rows(VkHistory *history, VkTask *task, const char *text, TakeRow take,
			  GError **error)
{
	sqlite3_stmt *statement = vk_history_prepare(history, text, error);
	int code;

	if (!statement)
		return FALSE;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)task->id);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		take(task, statement);
	if (code != SQLITE_DONE)
		vk_history_fail(history, error);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE;
}

static gboolean list_tasks(VkHistory *history, const VkHistoryFilter *filter, GPtrArray *tasks,
			   GError **error)
{
	sqlite3_stmt *statement = vk_history_prepare(history, list_text, error);
	int code;

	if (!statement)
		return FALSE;
	sqlite3_bind_int64(statement, 1, filter->since);
	vk_history_bind_text(statement, 2, filter->kind);
	vk_history_bind_text(statement, 3, filter->about);
	sqlite3_bind_int64(statement, 4, filter->max ? (gint64)filter->max : -1);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		g_ptr_array_add(tasks, task_at(history, statement));
	if (code != SQLITE_DONE)
		vk_history_fail(history, error);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE;
}

GPtrArray *vk_history_list(VkHistory *history, const VkHistoryFilter *filter, GError **error)
{
	g_autoptr(GPtrArray) tasks = g_ptr_array_new_with_free_func((GDestroyNotify)vk_task_free);

	if (!list_tasks(history, filter, tasks, error))
		return NULL;
	for (guint i = 0; i < tasks->len; i++)
		if (!read_rows(history, g_ptr_array_index(tasks, i), guests_text, take_guest,
			       error))
			return NULL;
	return g_steal_pointer(&tasks);
}

static VkTask *load_task(VkHistory *history, guint64 id, GError **error)
{
	sqlite3_stmt *statement = vk_history_prepare(history, load_text, error);
	VkTask *task = NULL;
	int code;

	if (!statement)
		return NULL;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		task = task_at(history, statement);
		task->document = text_at(statement, 13);
	} else if (code == SQLITE_DONE) {
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"the history has no entry %" G_GUINT64_FORMAT
			"; 'virtkeep log' lists what there is",
			id);
	} else {
		vk_history_fail(history, error);
	}
	sqlite3_finalize(statement);
	return task;
}

VkTask *vk_history_load(VkHistory *history, guint64 id, GError **error)
{
	g_autoptr(VkTask) task = load_task(history, id, error);

	if (!task || !read_rows(history, task, guests_text, take_guest, error) ||
	    !read_rows(history, task, disks_text, take_disk, error) ||
	    !read_rows(history, task, messages_text, take_message, error))
		return NULL;
	return g_steal_pointer(&task);
}
