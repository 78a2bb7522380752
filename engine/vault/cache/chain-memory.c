/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chain-memory.h"

#include "log.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raise it when the table means something else than before. */
#define FORMAT 1
/* Other processes commit in less. */
#define BUSY_MSEC 2000

static const char table_text[] =
	"CREATE TABLE IF NOT EXISTS ends (uuid TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL, "
	"time TEXT NOT NULL, id TEXT NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID; "
	"PRAGMA user_version = " G_STRINGIFY(FORMAT);

static const char read_text[] = "SELECT uuid, number, time, id, sha256 FROM ends "
				"WHERE ?1 IS NULL OR uuid = ?1 ORDER BY uuid";

static const char advance_text[] =
	"INSERT INTO ends (uuid, number, time, id, sha256) VALUES (?1, ?2, ?3, ?4, ?5) "
	"ON CONFLICT (uuid) DO UPDATE SET number = excluded.number, time = excluded.time, "
	"id = excluded.id, sha256 = excluded.sha256 WHERE excluded.number > ends.number";

struct VkChainMemory {
	char *path;
	GMutex mutex; /* guards what follows */
	sqlite3 *db;  /* NULL: not opened */
};

VkChainEnd *vk_chain_end_new(const char *uuid, guint64 number, const char *time, const char *id,
			     const char *sha256)
{
	VkChainEnd *end = g_new0(VkChainEnd, 1);

	end->uuid = g_strdup(uuid);
	end->number = number;
	end->time = g_strdup(time);
	end->id = g_strdup(id);
	end->sha256 = g_strdup(sha256);
	return end;
}

void vk_chain_end_free(VkChainEnd *end)
{
	if (!end)
		return;
	g_free(end->uuid);
	g_free(end->time);
	g_free(end->id);
	g_free(end->sha256);
	g_free(end);
}

VkChainMemory *vk_chain_memory_new(const char *path)
{
	VkChainMemory *memory = g_new0(VkChainMemory, 1);

	memory->path = g_strdup(path);
	g_mutex_init(&memory->mutex);
	return memory;
}

void vk_chain_memory_free(VkChainMemory *memory)
{
	if (!memory)
		return;
	sqlite3_close(memory->db);
	g_mutex_clear(&memory->mutex);
	g_free(memory->path);
	g_free(memory);
}

const char *vk_chain_memory_path(const VkChainMemory *memory)
{
	return memory->path;
}

/* A damaged file is removed: the next program begins a new one. */
static gboolean turn_off(VkChainMemory *memory)
{
	int code = sqlite3_errcode(memory->db);

	vk_log_debug("what this host has seen of the vault, '%s', is not known: %s", memory->path,
		     sqlite3_errmsg(memory->db));
	g_clear_pointer(&memory->db, sqlite3_close);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		unlink(memory->path);
	return FALSE;
}

static int stored_format(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int format = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		format = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return format;
}

/* Makes the file, for SQLite would let everybody read it. */
static void make_file(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd;

	g_mkdir_with_parents(folder, 0755);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

/* Opens the file; MAKE: also one that is not there yet. */
static gboolean open_locked(VkChainMemory *memory, gboolean make)
{
	int format;

	if (memory->db)
		return TRUE;
	if (make)
		make_file(memory->path);
	else if (!g_file_test(memory->path, G_FILE_TEST_IS_REGULAR))
		return FALSE;
	if (sqlite3_open_v2(memory->path, &memory->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return turn_off(memory);
	sqlite3_busy_timeout(memory->db, BUSY_MSEC);
	format = stored_format(memory->db);
	if (format == FORMAT)
		return TRUE;
	return format == 0 && make &&
			       sqlite3_exec(memory->db, table_text, NULL, NULL, NULL) == SQLITE_OK
		       ? TRUE
		       : turn_off(memory);
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

static void read_locked(VkChainMemory *memory, const char *uuid, GPtrArray *ends)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(memory->db, read_text, -1, &statement, NULL);

	if (code == SQLITE_OK) {
		sqlite3_bind_text(statement, 1, uuid, -1, SQLITE_STATIC);
		while ((code = sqlite3_step(statement)) == SQLITE_ROW)
			g_ptr_array_add(
				ends, vk_chain_end_new(text_at(statement, 0),
						       (guint64)sqlite3_column_int64(statement, 1),
						       text_at(statement, 2), text_at(statement, 3),
						       text_at(statement, 4)));
	}
	sqlite3_finalize(statement);
	if (code != SQLITE_DONE) {
		g_ptr_array_set_size(ends, 0);
		turn_off(memory);
	}
}

GPtrArray *vk_chain_memory_read(VkChainMemory *memory, const char *uuid)
{
	GPtrArray *ends = g_ptr_array_new_with_free_func((GDestroyNotify)vk_chain_end_free);

	if (!memory)
		return ends;
	g_mutex_lock(&memory->mutex);
	if (open_locked(memory, FALSE))
		read_locked(memory, uuid, ends);
	g_mutex_unlock(&memory->mutex);
	return ends;
}

static gboolean advance_one(sqlite3_stmt *statement, const VkChainEnd *end)
{
	sqlite3_reset(statement);
	sqlite3_bind_text(statement, 1, end->uuid, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)end->number);
	sqlite3_bind_text(statement, 3, end->time, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, end->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, end->sha256, -1, SQLITE_STATIC);
	return sqlite3_step(statement) == SQLITE_DONE;
}

static gboolean advance_locked(VkChainMemory *memory, const GPtrArray *ends)
{
	sqlite3_stmt *statement = NULL;
	gboolean ok =
		sqlite3_exec(memory->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(memory->db, advance_text, -1, &statement, NULL) == SQLITE_OK;

	for (guint i = 0; ok && i < ends->len; i++)
		ok = advance_one(statement, g_ptr_array_index(ends, i));
	sqlite3_finalize(statement);
	return ok && sqlite3_exec(memory->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

void vk_chain_memory_advance(VkChainMemory *memory, const GPtrArray *ends)
{
	if (!memory || ends->len == 0)
		return;
	g_mutex_lock(&memory->mutex);
	if (open_locked(memory, TRUE) && !advance_locked(memory, ends))
		turn_off(memory);
	g_mutex_unlock(&memory->mutex);
}
