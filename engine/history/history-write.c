/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is added to the history, and what is removed from it. */
#include "history-priv.h"

#include "errors.h"

#include <fcntl.h>

/* Of one pruning; the next one goes on. */
#define PRUNED_MAX 1000
#define TASKS_MAX  200000
/* When there is no room left, so many of the oldest tasks make some. */
#define MADE_ROOM 500

static const char begin_text[] =
	"INSERT INTO tasks (kind, job, host, user, command, vault, vault_id, began) "
	"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

static const char end_text[] =
	"UPDATE tasks SET vault = ?2, vault_id = ?3, ended = ?4, status = ?5, n_messages = ?6, "
	"error = ?7, document = ?8 WHERE id = ?1";

static const char guest_text[] =
	"INSERT INTO guests (task, n, name, uuid, time, grade, error, pause_msec, duration_msec, "
	"bytes_read, fresh, stored) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

static const char disk_text[] =
	"INSERT INTO disks (task, guest, n, target, mode, reason, size, bytes_read, fresh, stored) "
	"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

static const char message_text[] =
	"INSERT INTO messages (task, n, is_error, said, text) VALUES (?1, ?2, ?3, ?4, ?5)";

static void bind_number(sqlite3_stmt *statement, int place, guint64 value)
{
	sqlite3_bind_int64(statement, place, (sqlite3_int64)MIN(value, G_MAXINT64));
}

/* Without a lock it is shown as interrupted until it ends: no harm. */
static void lock_id(const VkHistory *history, guint64 id)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)id, .l_len = 1};

	if (history->lock_fd >= 0)
		fcntl(history->lock_fd, F_OFD_SETLK, &lock);
}

/* Ends the transaction. A full file stays as it was. */
static gboolean finish(VkHistory *history, gboolean ok, GError **error)
{
	if (ok && vk_history_execute(history, "COMMIT", error))
		return TRUE;
	sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
	return FALSE;
}

static gboolean insert_task(VkHistory *history, VkTask *task, GError **error)
{
	sqlite3_stmt *statement = vk_history_prepare(history, begin_text, error);
	gboolean ok;

	if (!statement)
		return FALSE;
	vk_history_bind_text(statement, 1, task->kind);
	vk_history_bind_text(statement, 2, task->job);
	vk_history_bind_text(statement, 3, task->host);
	vk_history_bind_text(statement, 4, task->user);
	vk_history_bind_text(statement, 5, task->command);
	vk_history_bind_text(statement, 6, task->vault);
	vk_history_bind_text(statement, 7, task->vault_id);
	sqlite3_bind_int64(statement, 8, task->began);
	ok = vk_history_step(history, statement, error);
	sqlite3_finalize(statement);
	if (ok) {
		task->id = (guint64)sqlite3_last_insert_rowid(history->db);
		/* Before others can see the row. */
		lock_id(history, task->id);
	}
	return ok;
}

/* Removes the tasks up to the id that TEXT selects, with ?1 for VALUE. */
static gboolean remove_up_to(VkHistory *history, const char *text, gint64 value, GError **error)
{
	static const char *const tables[] = {"tasks WHERE id", "guests WHERE task",
					     "disks WHERE task", "messages WHERE task"};
	sqlite3_stmt *statement = vk_history_prepare(history, text, error);
	gint64 last = -1;
	gboolean ok = statement != NULL;

	if (ok)
		sqlite3_bind_int64(statement, 1, value);
	if (ok && sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		last = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	if (!ok || last < 0)
		return ok;
	ok = vk_history_execute(history, "BEGIN IMMEDIATE", error);
	for (gsize i = 0; ok && i < G_N_ELEMENTS(tables); i++) {
		g_autofree char *order =
			g_strdup_printf("DELETE FROM %s <= %" G_GINT64_FORMAT, tables[i], last);

		ok = vk_history_execute(history, order, error);
	}
	return finish(history, ok, error);
}

gboolean vk_history_prune(VkHistory *history, gint64 before, GError **error)
{
	return remove_up_to(history,
			    "SELECT max(id) FROM (SELECT id FROM tasks WHERE began < ?1 "
			    "ORDER BY id LIMIT " G_STRINGIFY(PRUNED_MAX) ")",
			    before, error) &&
	       remove_up_to(history, "SELECT max(id) - ?1 FROM tasks", TASKS_MAX, error);
}

static gboolean is_full(const VkHistory *history)
{
	return history->code == SQLITE_FULL;
}

static gboolean make_room(VkHistory *history, GError **error)
{
	return remove_up_to(history, "SELECT min(id) + ?1 FROM tasks", MADE_ROOM, error);
}

static gboolean insert_disk(VkHistory *history, sqlite3_stmt *statement, guint64 id, guint n_guest,
			    guint n, const VkTaskDisk *disk, GError **error)
{
	bind_number(statement, 1, id);
	sqlite3_bind_int64(statement, 2, n_guest);
	sqlite3_bind_int64(statement, 3, n);
	vk_history_bind_text(statement, 4, disk->target);
	vk_history_bind_text(statement, 5, disk->mode);
	vk_history_bind_text(statement, 6, disk->reason);
	bind_number(statement, 7, disk->size);
	bind_number(statement, 8, disk->read);
	bind_number(statement, 9, disk->fresh);
	bind_number(statement, 10, disk->stored);
	return vk_history_step(history, statement, error);
}

static gboolean insert_guest(VkHistory *history, sqlite3_stmt *statement, guint64 id, guint n,
			     const VkTaskGuest *guest, GError **error)
{
	bind_number(statement, 1, id);
	sqlite3_bind_int64(statement, 2, n);
	vk_history_bind_text(statement, 3, guest->name);
	vk_history_bind_text(statement, 4, guest->uuid);
	vk_history_bind_text(statement, 5, guest->time);
	vk_history_bind_text(statement, 6, guest->grade);
	vk_history_bind_text(statement, 7, guest->error);
	bind_number(statement, 8, guest->pause_msec);
	bind_number(statement, 9, guest->duration_msec);
	bind_number(statement, 10, guest->read);
	bind_number(statement, 11, guest->fresh);
	bind_number(statement, 12, guest->stored);
	return vk_history_step(history, statement, error);
}

static gboolean insert_guests(VkHistory *history, const VkTask *task, GError **error)
{
	sqlite3_stmt *of_guest = vk_history_prepare(history, guest_text, error);
	sqlite3_stmt *of_disk = of_guest ? vk_history_prepare(history, disk_text, error) : NULL;
	gboolean ok = of_disk != NULL;

	for (guint i = 0; ok && i < task->guests->len; i++) {
		const VkTaskGuest *guest = g_ptr_array_index(task->guests, i);

		ok = insert_guest(history, of_guest, task->id, i, guest, error);
		for (guint j = 0; ok && j < guest->disks->len; j++)
			ok = insert_disk(history, of_disk, task->id, i, j,
					 g_ptr_array_index(guest->disks, j), error);
	}
	sqlite3_finalize(of_guest);
	sqlite3_finalize(of_disk);
	return ok;
}

static gboolean insert_messages(VkHistory *history, const VkTask *task, GError **error)
{
	sqlite3_stmt *statement = vk_history_prepare(history, message_text, error);
	gboolean ok = statement != NULL;

	for (guint i = 0; ok && i < task->messages->len; i++) {
		const VkTaskMessage *message = g_ptr_array_index(task->messages, i);

		bind_number(statement, 1, task->id);
		sqlite3_bind_int64(statement, 2, i);
		sqlite3_bind_int(statement, 3, message->is_error);
		sqlite3_bind_int64(statement, 4, message->said);
		vk_history_bind_text(statement, 5, message->text);
		ok = vk_history_step(history, statement, error);
	}
	sqlite3_finalize(statement);
	return ok;
}

static gboolean update_task(VkHistory *history, const VkTask *task, GError **error)
{
	sqlite3_stmt *statement = vk_history_prepare(history, end_text, error);
	gboolean ok;

	if (!statement)
		return FALSE;
	bind_number(statement, 1, task->id);
	vk_history_bind_text(statement, 2, task->vault);
	vk_history_bind_text(statement, 3, task->vault_id);
	sqlite3_bind_int64(statement, 4, task->ended);
	sqlite3_bind_int(statement, 5, task->status);
	sqlite3_bind_int64(statement, 6, task->n_messages);
	vk_history_bind_text(statement, 7, task->error);
	vk_history_bind_text(statement, 8, task->document);
	ok = vk_history_step(history, statement, error);
	sqlite3_finalize(statement);
	return ok;
}

static gboolean begin_once(VkHistory *history, VkTask *task, GError **error)
{
	gboolean ok = vk_history_execute(history, "BEGIN IMMEDIATE", error);

	return ok && finish(history, insert_task(history, task, error), error);
}

static gboolean end_once(VkHistory *history, const VkTask *task, GError **error)
{
	gboolean ok = vk_history_execute(history, "BEGIN IMMEDIATE", error);

	return ok &&
	       finish(history,
		      update_task(history, task, error) && insert_guests(history, task, error) &&
			      insert_messages(history, task, error),
		      error);
}

gboolean vk_history_begin(VkHistory *history, VkTask *task, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (begin_once(history, task, &trouble))
		return TRUE;
	if (is_full(history) && make_room(history, error) && begin_once(history, task, error))
		return TRUE;
	task->id = 0;
	vk_history_put_aside(history);
	if (error && !*error)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_history_end(VkHistory *history, const VkTask *task, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (end_once(history, task, &trouble))
		return TRUE;
	if (is_full(history) && make_room(history, error) && end_once(history, task, error))
		return TRUE;
	vk_history_put_aside(history);
	if (error && !*error)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}
