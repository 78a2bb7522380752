/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of the history: opened, made, put aside when it is damaged. */
#include "history-priv.h"

#include "errors.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raise it when a table means something else than before. */
#define FORMAT 1
/* Other processes commit in less. */
#define BUSY_MSEC 5000
#define LOOK_MSEC 10
/* 1 GiB. */
#define PAGE_BYTES 4096
#define PAGES_MAX  (1u << 18)

static const char table_text[] =
	"CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"kind TEXT NOT NULL, job TEXT, host TEXT NOT NULL, user TEXT, command TEXT, vault TEXT, "
	"vault_id TEXT, began INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, "
	"status INTEGER NOT NULL DEFAULT 0, n_messages INTEGER NOT NULL DEFAULT 0, "
	"error TEXT, document TEXT); "
	"CREATE INDEX IF NOT EXISTS tasks_by_time ON tasks (began); "
	"CREATE TABLE IF NOT EXISTS guests (task INTEGER NOT NULL, n INTEGER NOT NULL, "
	"name TEXT NOT NULL, uuid TEXT, time TEXT, grade TEXT, error TEXT, pause_msec INTEGER, "
	"duration_msec INTEGER, bytes_read INTEGER, fresh INTEGER, stored INTEGER, "
	"PRIMARY KEY (task, n)) WITHOUT ROWID; "
	"CREATE INDEX IF NOT EXISTS guests_by_name ON guests (name, task); "
	"CREATE INDEX IF NOT EXISTS guests_by_uuid ON guests (uuid, task); "
	"CREATE TABLE IF NOT EXISTS disks (task INTEGER NOT NULL, guest INTEGER NOT NULL, "
	"n INTEGER NOT NULL, target TEXT NOT NULL, mode TEXT, reason TEXT, size INTEGER, "
	"bytes_read INTEGER, fresh INTEGER, stored INTEGER, PRIMARY KEY (task, guest, n)) "
	"WITHOUT ROWID; "
	"CREATE TABLE IF NOT EXISTS messages (task INTEGER NOT NULL, n INTEGER NOT NULL, "
	"is_error INTEGER NOT NULL, said INTEGER NOT NULL, text TEXT NOT NULL, "
	"PRIMARY KEY (task, n)) WITHOUT ROWID; "
	"PRAGMA user_version = " G_STRINGIFY(FORMAT);

gboolean vk_history_fail(VkHistory *history, GError **error)
{
	history->code = history->db ? sqlite3_errcode(history->db) : SQLITE_CANTOPEN;
	return vk_fail(error, VK_ERROR_FAILED, "the history '%s' cannot be used: %s", history->path,
		       history->db ? sqlite3_errmsg(history->db) : "it cannot be opened");
}

gboolean vk_history_execute(VkHistory *history, const char *text, GError **error)
{
	return sqlite3_exec(history->db, text, NULL, NULL, NULL) == SQLITE_OK ||
	       vk_history_fail(history, error);
}

sqlite3_stmt *vk_history_prepare(VkHistory *history, const char *text, GError **error)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(history->db, text, -1, &statement, NULL) == SQLITE_OK)
		return statement;
	vk_history_fail(history, error);
	return NULL;
}

void vk_history_bind_text(sqlite3_stmt *statement, int place, const char *text)
{
	sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

gboolean vk_history_step(VkHistory *history, sqlite3_stmt *statement, GError **error)
{
	int code = sqlite3_step(statement);

	if (code != SQLITE_DONE && code != SQLITE_ROW)
		return vk_history_fail(history, error);
	sqlite3_reset(statement);
	return TRUE;
}

gboolean vk_history_is_running(const VkHistory *history, guint64 id)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)id, .l_len = 1};

	return history->lock_fd >= 0 && fcntl(history->lock_fd, F_OFD_GETLK, &lock) == 0 &&
	       lock.l_type != F_UNLCK;
}

static int stored_format(VkHistory *history)
{
	sqlite3_stmt *statement = vk_history_prepare(history, "PRAGMA user_version", NULL);
	int format = -1;

	if (statement && sqlite3_step(statement) == SQLITE_ROW)
		format = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return format;
}

/* Opens a file of the history's for reading and writing. For SQLite would let everybody read it. */
static int open_file(const char *path, gboolean make)
{
	return open(path, O_RDWR | (make ? O_CREAT : 0) | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/*
 * The first that open a new file turn it to WAL at once, and SQLite lets nobody wait for that who
 * reads already.
 */
static gboolean set_bounds(VkHistory *history, const char *bounds, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)BUSY_MSEC * G_TIME_SPAN_MILLISECOND;

	for (;;) {
		g_autoptr(GError) trouble = NULL;

		if (vk_history_execute(history, bounds, &trouble))
			return TRUE;
		if (history->code != SQLITE_BUSY || g_get_monotonic_time() >= deadline) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		g_usleep(LOOK_MSEC * G_TIME_SPAN_MILLISECOND);
	}
}

/* A commit that a power cut loses is one task of many: WAL with NORMAL loses nothing else. */
static gboolean set_up(VkHistory *history, gboolean make, GError **error)
{
	g_autofree char *bounds = g_strdup_printf(
		"PRAGMA page_size = %d; PRAGMA max_page_count = %u; PRAGMA journal_mode = WAL; "
		"PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; "
		"PRAGMA cell_size_check = ON",
		PAGE_BYTES, PAGES_MAX);
	int format;

	sqlite3_busy_timeout(history->db, BUSY_MSEC);
	if (!set_bounds(history, bounds, error))
		return FALSE;
	format = stored_format(history);
	if (format > FORMAT)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the history '%s' was written by a newer version of virtkeep",
			       history->path);
	if (format == FORMAT)
		return TRUE;
	if (format < 0)
		return vk_history_fail(history, error);
	/* Whoever made it was cut off before the tables were there. */
	if (!make)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "the history '%s' is empty",
			       history->path);
	return vk_history_execute(history, "BEGIN IMMEDIATE", error) &&
	       vk_history_execute(history, table_text, error) &&
	       vk_history_execute(history, "COMMIT", error);
}

static gboolean open_db(VkHistory *history, gboolean make, GError **error)
{
	int fd = open_file(history->path, make);

	if (fd < 0)
		return vk_fail_errno(error, errno, "cannot open the history '%s'", history->path);
	close(fd);
	if (sqlite3_open_v2(history->path, &history->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return vk_history_fail(history, error);
	return set_up(history, make, error);
}

gboolean vk_history_put_aside(VkHistory *history)
{
	static const char *const parts[] = {"-wal", "-shm"};
	g_autofree char *aside = g_strconcat(history->path, ".damaged", NULL);

	if (history->code != SQLITE_CORRUPT && history->code != SQLITE_NOTADB)
		return FALSE;
	g_clear_pointer(&history->db, sqlite3_close);
	if (rename(history->path, aside) < 0)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *part = g_strconcat(history->path, parts[i], NULL);

		unlink(part);
	}
	vk_log_warning("the history is damaged: a new one is begun, the old one is now '%s'",
		       aside);
	return TRUE;
}

static void open_locks(VkHistory *history, const char *directory)
{
	g_autofree char *path = g_build_filename(directory, "history.lock", NULL);

	history->lock_fd = open_file(path, TRUE);
}

VkHistory *vk_history_open(const char *directory, gboolean make, GError **error)
{
	g_autoptr(VkHistory) history = g_new0(VkHistory, 1);
	g_autoptr(GError) trouble = NULL;

	history->path = g_build_filename(directory, "history.sqlite", NULL);
	history->lock_fd = -1;
	if (make && g_mkdir_with_parents(directory, 0755) < 0) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", directory);
		return NULL;
	}
	if (!open_db(history, make, &trouble)) {
		if (!make || !vk_history_put_aside(history)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return NULL;
		}
		if (!open_db(history, TRUE, error))
			return NULL;
	}
	open_locks(history, directory);
	return g_steal_pointer(&history);
}

void vk_history_free(VkHistory *history)
{
	if (!history)
		return;
	sqlite3_close(history->db);
	if (history->lock_fd >= 0)
		close(history->lock_fd);
	g_free(history->path);
	g_free(history);
}
