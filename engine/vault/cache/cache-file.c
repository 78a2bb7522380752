/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cache-file-priv.h"

#include "crc.h"

#include "log.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raise it when tables or values mean something else than before. */
#define FORMAT "2"
/* A million snapshots of two disks have room. */
#define PAGE_BYTES 8192
#define PAGES_MAX  (1u << 17)
/* Other processes commit in less. */
#define BUSY_MSEC 200

enum {
	STATEMENT_GET,
	STATEMENT_FOLDER,
	STATEMENT_PUT,
	STATEMENT_NAMES,
	STATEMENT_DROP,
	STATEMENT_FOLDERS,
	STATEMENT_DROP_FOLDER,
	N_STATEMENTS
};

/* ?1 is the shelf, ?2 the folder, ?3 the name. */
static const char *const statement_texts[N_STATEMENTS] = {
	[STATEMENT_GET] = "SELECT name, identity, sum, value FROM entries "
			  "WHERE shelf = ?1 AND folder = ?2 AND name = ?3",
	[STATEMENT_FOLDER] = "SELECT name, identity, sum, value FROM entries "
			     "WHERE shelf = ?1 AND folder = ?2",
	[STATEMENT_PUT] = "REPLACE INTO entries (shelf, folder, name, identity, sum, value) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[STATEMENT_NAMES] = "SELECT name FROM entries WHERE shelf = ?1 AND folder = ?2",
	[STATEMENT_DROP] = "DELETE FROM entries WHERE shelf = ?1 AND folder = ?2 AND name = ?3",
	/* From folder to folder, without a look at what is in them. */
	[STATEMENT_FOLDERS] = "WITH RECURSIVE folders(folder) AS ("
			      "SELECT min(folder) FROM entries WHERE shelf = ?1 UNION ALL "
			      "SELECT (SELECT min(folder) FROM entries WHERE shelf = ?1 AND "
			      "folder > folders.folder) FROM folders WHERE folder IS NOT NULL) "
			      "SELECT folder FROM folders WHERE folder IS NOT NULL",
	[STATEMENT_DROP_FOLDER] = "DELETE FROM entries WHERE shelf = ?1 AND folder = ?2",
};

/* A shelf's rows lie together, and in them a folder's. */
static const char table_text[] =
	"DROP TABLE IF EXISTS entries; "
	"CREATE TABLE entries (shelf INTEGER NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL, "
	"identity INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB NOT NULL, "
	"PRIMARY KEY (shelf, folder, name)) WITHOUT ROWID";

struct VkCacheFile {
	char *directory;
	char *path;
	guint32 vault_sum; /* of the vault's id: another vault's rows do not fit */
	sqlite3 *db;       /* NULL: not opened yet, or off */
	gboolean off;
	sqlite3_stmt *statements[N_STATEMENTS];
};

VkCacheRow *vk_cache_row_new(VkCacheShelf shelf, const char *folder, const char *name,
			     guint64 identity, GBytes *value)
{
	VkCacheRow *row = g_new0(VkCacheRow, 1);

	row->shelf = shelf;
	row->folder = g_strdup(folder);
	row->name = g_strdup(name);
	row->identity = identity;
	row->value = g_bytes_ref(value);
	return row;
}

void vk_cache_row_free(gpointer data)
{
	VkCacheRow *row = data;

	g_free(row->folder);
	g_free(row->name);
	g_bytes_unref(row->value);
	g_free(row);
}

VkCacheFile *vk_cache_file_new(const char *directory, const char *vault_id)
{
	VkCacheFile *file = g_new0(VkCacheFile, 1);

	file->directory = g_strdup(directory);
	file->path = g_strdup_printf("%s/%s.sqlite", directory, vault_id);
	file->vault_sum = vk_crc32c(0, vault_id, strlen(vault_id));
	return file;
}

static void close_db(VkCacheFile *file)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		g_clear_pointer(&file->statements[i], sqlite3_finalize);
	g_clear_pointer(&file->db, sqlite3_close);
}

void vk_cache_file_free(VkCacheFile *file)
{
	close_db(file);
	g_free(file->directory);
	g_free(file->path);
	g_free(file);
}

void vk_cache_file_clear(VkCacheFile *file)
{
	close_db(file);
	unlink(file->path);
	file->off = FALSE;
}

/* A damaged file is removed, so that the next program begins a new one. */
static void turn_off(VkCacheFile *file, const char *what)
{
	int code = file->db ? sqlite3_errcode(file->db) : SQLITE_CANTOPEN;

	vk_log_debug("the cache '%s' is not used: %s: %s", file->path, what,
		     file->db ? sqlite3_errmsg(file->db) : "it cannot be opened");
	close_db(file);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		unlink(file->path);
	file->off = TRUE;
}

static gboolean execute(VkCacheFile *file, const char *text)
{
	return sqlite3_exec(file->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* What wrote the file; a file of another version is of no use. */
static int version(void)
{
	static const char name[] = VK_VERSION " " FORMAT;

	return (int)(vk_crc32c(0, name, strlen(name)) >> 1);
}

static int stored_version(VkCacheFile *file)
{
	sqlite3_stmt *statement = NULL;
	int stored = -1;

	if (sqlite3_prepare_v2(file->db, "PRAGMA user_version", -1, &statement, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		stored = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return stored;
}

static gboolean make_table(VkCacheFile *file)
{
	g_autofree char *form =
		g_strdup_printf("PRAGMA page_size = %d; PRAGMA auto_vacuum = FULL", PAGE_BYTES);
	g_autofree char *mark = g_strdup_printf("PRAGMA user_version = %d", version());

	if (!execute(file, form) || !execute(file, "BEGIN IMMEDIATE"))
		return FALSE;
	/* Another process may have been quicker. */
	if (stored_version(file) == version())
		return execute(file, "ROLLBACK");
	return execute(file, table_text) && execute(file, mark) && execute(file, "COMMIT");
}

/*
 * Nothing is written to a file that has its table: it may lie on a full disk. Checksums stand in
 * for flushes: what a power cut leaves is taken if it matches.
 */
static gboolean set_up(VkCacheFile *file)
{
	g_autofree char *bounds =
		g_strdup_printf("PRAGMA max_page_count = %u; PRAGMA synchronous = OFF; "
				"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
				PAGES_MAX);

	sqlite3_busy_timeout(file->db, BUSY_MSEC);
	if (!execute(file, bounds) || (stored_version(file) != version() && !make_table(file)))
		return FALSE;
	for (int i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(file->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &file->statements[i], NULL) != SQLITE_OK)
			return FALSE;
	return TRUE;
}

/* Makes the file, for SQLite would let everybody read it. Nobody else's file is taken. */
static gboolean make_file(const VkCacheFile *file)
{
	struct stat facts;
	int fd;

	if (g_mkdir_with_parents(file->directory, 0700) < 0)
		return FALSE;
	fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return lstat(file->path, &facts) == 0 && S_ISREG(facts.st_mode) &&
	       facts.st_uid == geteuid() && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

gboolean vk_cache_file_open(VkCacheFile *file)
{
	if (file->db || file->off)
		return file->db != NULL;
	if (!make_file(file) ||
	    sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK ||
	    !set_up(file))
		turn_off(file, "opening it");
	return file->db != NULL;
}

/* Sets the place that STATEMENT is about. NAME is nullable. */
static sqlite3_stmt *bind(VkCacheFile *file, int statement, VkCacheShelf shelf, const char *folder,
			  const char *name)
{
	sqlite3_stmt *bound = file->statements[statement];

	sqlite3_bind_int(bound, 1, (int)shelf);
	if (folder)
		sqlite3_bind_text(bound, 2, folder, -1, SQLITE_STATIC);
	if (name)
		sqlite3_bind_text(bound, 3, name, -1, SQLITE_STATIC);
	return bound;
}

static guint32 sum_of(const VkCacheFile *file, const VkCacheRow *row)
{
	const guint64 numbers[] = {GUINT64_TO_LE((guint64)row->shelf),
				   GUINT64_TO_LE(row->identity)};
	gsize length;
	const void *value = g_bytes_get_data(row->value, &length);
	guint32 sum = vk_crc32c(file->vault_sum, numbers, sizeof(numbers));

	sum = vk_crc32c(sum, row->folder, strlen(row->folder) + 1);
	sum = vk_crc32c(sum, row->name, strlen(row->name) + 1);
	return vk_crc32c(sum, value, length);
}

/* NULL: it is damaged, or belongs elsewhere. */
static VkCacheRow *take_row(const VkCacheFile *file, VkCacheShelf shelf, const char *folder,
			    sqlite3_stmt *at)
{
	const char *name = (const char *)sqlite3_column_text(at, 0);
	const void *value = sqlite3_column_blob(at, 3);
	g_autoptr(GBytes) bytes = g_bytes_new(value, (gsize)sqlite3_column_bytes(at, 3));
	VkCacheRow *row = vk_cache_row_new(shelf, folder, name ? name : "",
					   (guint64)sqlite3_column_int64(at, 1), bytes);

	if (sum_of(file, row) == (guint32)sqlite3_column_int64(at, 2))
		return row;
	vk_cache_row_free(row);
	return NULL;
}

GPtrArray *vk_cache_file_read(VkCacheFile *file, VkCacheShelf shelf, const char *folder,
			      const char *name, guint limit)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(vk_cache_row_free);
	sqlite3_stmt *statement;
	int code;

	if (!vk_cache_file_open(file))
		return g_steal_pointer(&rows);
	statement = bind(file, name ? STATEMENT_GET : STATEMENT_FOLDER, shelf, folder, name);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW && rows->len < limit) {
		VkCacheRow *row = take_row(file, shelf, folder, statement);

		if (row)
			g_ptr_array_add(rows, row);
	}
	sqlite3_reset(statement);
	if (code == SQLITE_ROW)
		return NULL;
	if (code != SQLITE_DONE)
		turn_off(file, "reading it");
	return g_steal_pointer(&rows);
}

GPtrArray *vk_cache_file_list(VkCacheFile *file, VkCacheShelf shelf, const char *folder)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	sqlite3_stmt *statement;
	int code;

	if (!vk_cache_file_open(file))
		return names;
	statement = bind(file, folder ? STATEMENT_NAMES : STATEMENT_FOLDERS, shelf, folder, NULL);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		if (sqlite3_column_text(statement, 0))
			g_ptr_array_add(names,
					g_strdup((const char *)sqlite3_column_text(statement, 0)));
	sqlite3_reset(statement);
	if (code != SQLITE_DONE)
		turn_off(file, "reading it");
	return names;
}

/* Runs a statement that returns no rows. */
static gboolean run(sqlite3_stmt *statement)
{
	gboolean ok = sqlite3_step(statement) == SQLITE_DONE;

	return sqlite3_reset(statement) == SQLITE_OK && ok;
}

static gboolean write_row(VkCacheFile *file, const VkCacheRow *row)
{
	sqlite3_stmt *put = bind(file, STATEMENT_PUT, row->shelf, row->folder, row->name);
	gsize length;
	const void *value = g_bytes_get_data(row->value, &length);

	sqlite3_bind_int64(put, 4, (gint64)row->identity);
	sqlite3_bind_int64(put, 5, sum_of(file, row));
	/* A blob without a place would be NULL. */
	sqlite3_bind_blob(put, 6, length > 0 ? value : "", (int)length, SQLITE_STATIC);
	return run(put);
}

/* A cache that is full begins anew. */
static gboolean begin_anew(VkCacheFile *file)
{
	if (sqlite3_errcode(file->db) != SQLITE_FULL)
		return FALSE;
	if (!sqlite3_get_autocommit(file->db) && !execute(file, "ROLLBACK"))
		return FALSE;
	return execute(file, "DELETE FROM entries");
}

void vk_cache_file_write(VkCacheFile *file, const GPtrArray *rows)
{
	gboolean ok;

	if (!vk_cache_file_open(file))
		return;
	ok = execute(file, "BEGIN IMMEDIATE");
	for (guint i = 0; ok && i < rows->len; i++)
		ok = write_row(file, g_ptr_array_index(rows, i));
	if ((!ok || !execute(file, "COMMIT")) && !begin_anew(file))
		turn_off(file, "writing it");
}

void vk_cache_file_remove(VkCacheFile *file, VkCacheShelf shelf, const char *folder,
			  const GPtrArray *names)
{
	gboolean ok;

	if (names->len == 0 || !vk_cache_file_open(file))
		return;
	ok = execute(file, "BEGIN IMMEDIATE");
	for (guint i = 0; ok && i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		ok = run(folder ? bind(file, STATEMENT_DROP, shelf, folder, name)
				: bind(file, STATEMENT_DROP_FOLDER, shelf, name, NULL));
	}
	if (!ok || !execute(file, "COMMIT"))
		turn_off(file, "removing from it");
}
