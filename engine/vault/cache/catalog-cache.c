/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-cache.h"

#include "crc.h"

#include "log.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raise it when values mean something else than before. */
#define FORMAT "1"
/* A million snapshots of two disks have room. */
#define PAGE_BYTES 8192
#define PAGES_MAX  (1u << 17)
/* How many puts are written at once, and how large a folder is read at once. */
#define PENDING_MAX 1000
#define ROWS_MAX    4096
/* Whoever asks more often in a folder wants all of it. */
#define FEW 3
/* Other processes commit in less. */
#define BUSY_MSEC 200

typedef struct {
	char *folder, *name;
	guint64 identity;
	GBytes *value;
} Entry;

enum {
	STATEMENT_GET,
	STATEMENT_FOLDER,
	STATEMENT_PUT,
	STATEMENT_DROP,
	STATEMENT_FOLDERS,
	STATEMENT_DROP_FOLDER,
	N_STATEMENTS
};

static const char *const statement_texts[N_STATEMENTS] = {
	[STATEMENT_GET] = "SELECT name, identity, sum, value FROM entries "
			  "WHERE folder = ?1 AND name = ?2",
	[STATEMENT_FOLDER] = "SELECT name, identity, sum, value FROM entries WHERE folder = ?1",
	[STATEMENT_PUT] = "REPLACE INTO entries (folder, name, identity, sum, value) "
			  "VALUES (?1, ?2, ?3, ?4, ?5)",
	[STATEMENT_DROP] = "DELETE FROM entries WHERE folder = ?1 AND name = ?2",
	/* From folder to folder, without a look at what is in them. */
	[STATEMENT_FOLDERS] =
		"WITH RECURSIVE folders(folder) AS (SELECT min(folder) FROM entries UNION ALL "
		"SELECT (SELECT min(folder) FROM entries WHERE folder > folders.folder) "
		"FROM folders WHERE folder IS NOT NULL) "
		"SELECT folder FROM folders WHERE folder IS NOT NULL",
	[STATEMENT_DROP_FOLDER] = "DELETE FROM entries WHERE folder = ?1",
};

struct VkCatalogCache {
	char *directory;
	char *vault_id;
	GMutex mutex; /* guards what follows */
	sqlite3 *db;  /* NULL: not opened yet, or off */
	gboolean off; /* for the rest of this process */
	sqlite3_stmt *statements[N_STATEMENTS];
	char *folder;       /* that was asked for last; nullable */
	guint asked;        /* how often */
	GHashTable *rows;   /* Entry, each its own key by its name: all of FOLDER; nullable */
	gboolean too_large; /* FOLDER has more than ROWS_MAX */
	GPtrArray *pending; /* Entry */
};

static void entry_free(gpointer data)
{
	Entry *entry = data;

	g_free(entry->folder);
	g_free(entry->name);
	g_bytes_unref(entry->value);
	g_free(entry);
}

static Entry *entry_new(const char *folder, const char *name, guint64 identity, GBytes *value)
{
	Entry *entry = g_new0(Entry, 1);

	entry->folder = g_strdup(folder);
	entry->name = g_strdup(name);
	entry->identity = identity;
	entry->value = g_bytes_ref(value);
	return entry;
}

VkCatalogCache *vk_catalog_cache_new(const char *directory, const char *vault_id)
{
	VkCatalogCache *cache = g_new0(VkCatalogCache, 1);

	cache->directory = g_strdup(directory);
	cache->vault_id = g_strdup(vault_id);
	g_mutex_init(&cache->mutex);
	cache->pending = g_ptr_array_new_with_free_func(entry_free);
	return cache;
}

static char *file_path(const VkCatalogCache *cache)
{
	return g_strdup_printf("%s/%s.sqlite", cache->directory, cache->vault_id);
}

static guint32 sum_of(const VkCatalogCache *cache, const Entry *entry)
{
	guint64 identity = GUINT64_TO_LE(entry->identity);
	gsize length;
	const void *value = g_bytes_get_data(entry->value, &length);
	guint32 sum = vk_crc32c(0, cache->vault_id, strlen(cache->vault_id));

	sum = vk_crc32c(sum, entry->folder, strlen(entry->folder) + 1);
	sum = vk_crc32c(sum, entry->name, strlen(entry->name) + 1);
	sum = vk_crc32c(sum, &identity, sizeof(identity));
	return vk_crc32c(sum, value, length);
}

static void close_db(VkCatalogCache *cache)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		g_clear_pointer(&cache->statements[i], sqlite3_finalize);
	g_clear_pointer(&cache->db, sqlite3_close);
}

/* A damaged file is removed, so that the next program begins a new one. */
static void turn_off(VkCatalogCache *cache, const char *what)
{
	int code = cache->db ? sqlite3_errcode(cache->db) : SQLITE_CANTOPEN;
	g_autofree char *path = file_path(cache);

	vk_log_debug("the cache '%s' is not used: %s: %s", path, what,
		     cache->db ? sqlite3_errmsg(cache->db) : "it cannot be opened");
	close_db(cache);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		unlink(path);
	cache->off = TRUE;
}

static gboolean execute(VkCatalogCache *cache, const char *text)
{
	return sqlite3_exec(cache->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* What wrote the file; a file of another version is of no use. */
static int version(void)
{
	static const char name[] = VK_VERSION " " FORMAT;

	return (int)(vk_crc32c(0, name, strlen(name)) >> 1);
}

static int stored_version(VkCatalogCache *cache)
{
	sqlite3_stmt *statement = NULL;
	int stored = -1;

	if (sqlite3_prepare_v2(cache->db, "PRAGMA user_version", -1, &statement, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		stored = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return stored;
}

static gboolean make_table(VkCatalogCache *cache)
{
	g_autofree char *mark = g_strdup_printf("PRAGMA user_version = %d", version());

	return execute(cache, "BEGIN IMMEDIATE") &&
	       execute(cache, "DROP TABLE IF EXISTS entries") &&
	       execute(cache, "CREATE TABLE entries (folder TEXT NOT NULL, name TEXT NOT NULL, "
			      "identity INTEGER NOT NULL, sum INTEGER NOT NULL, "
			      "value BLOB NOT NULL, PRIMARY KEY (folder, name)) WITHOUT ROWID") &&
	       execute(cache, mark) && execute(cache, "COMMIT");
}

/* Checksums stand in for flushes: what a power cut leaves is taken if it matches. */
static gboolean set_up(VkCatalogCache *cache)
{
	g_autofree char *bounds =
		g_strdup_printf("PRAGMA page_size = %d; PRAGMA auto_vacuum = FULL; "
				"PRAGMA max_page_count = %u; PRAGMA synchronous = OFF; "
				"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
				PAGE_BYTES, PAGES_MAX);

	sqlite3_busy_timeout(cache->db, BUSY_MSEC);
	if (!execute(cache, bounds))
		return FALSE;
	if (stored_version(cache) != version() && !make_table(cache))
		return FALSE;
	for (int i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(cache->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &cache->statements[i], NULL) != SQLITE_OK)
			return FALSE;
	return TRUE;
}

/* Makes the file, for SQLite would let everybody read it. Nobody else's file is taken. */
static gboolean make_file(const VkCatalogCache *cache, const char *path)
{
	struct stat facts;
	int fd;

	if (g_mkdir_with_parents(cache->directory, 0700) < 0)
		return FALSE;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return lstat(path, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
	       (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Returns whether the cache can be used. */
static gboolean open_db(VkCatalogCache *cache)
{
	g_autofree char *path = NULL;

	if (cache->db || cache->off)
		return cache->db != NULL;
	path = file_path(cache);
	if (!make_file(cache, path) ||
	    sqlite3_open_v2(path, &cache->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    !set_up(cache))
		turn_off(cache, "opening it");
	return cache->db != NULL;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

/* The entry of the row; NULL: it is damaged, or belongs elsewhere. */
static Entry *read_row(const VkCatalogCache *cache, sqlite3_stmt *row, const char *folder)
{
	const char *name = (const char *)sqlite3_column_text(row, 0);
	const void *value = sqlite3_column_blob(row, 3);
	g_autoptr(GBytes) bytes = g_bytes_new(value, (gsize)sqlite3_column_bytes(row, 3));
	Entry *entry =
		entry_new(folder, name ? name : "", (guint64)sqlite3_column_int64(row, 1), bytes);

	if (sum_of(cache, entry) == (guint32)sqlite3_column_int64(row, 2))
		return entry;
	entry_free(entry);
	return NULL;
}

/* The entry of NAME if it is sound. */
static Entry *read_entry(VkCatalogCache *cache, const char *folder, const char *name)
{
	sqlite3_stmt *statement = cache->statements[STATEMENT_GET];
	Entry *entry = NULL;
	int code;

	bind_text(statement, 1, folder);
	bind_text(statement, 2, name);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		entry = read_row(cache, statement, folder);
	sqlite3_reset(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		turn_off(cache, "reading it");
	return entry;
}

static void read_folder(VkCatalogCache *cache)
{
	sqlite3_stmt *statement = cache->statements[STATEMENT_FOLDER];
	int code;

	cache->rows = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	bind_text(statement, 1, cache->folder);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW &&
	       g_hash_table_size(cache->rows) < ROWS_MAX) {
		Entry *entry = read_row(cache, statement, cache->folder);

		if (entry)
			g_hash_table_replace(cache->rows, entry->name, entry);
	}
	sqlite3_reset(statement);
	cache->too_large = code == SQLITE_ROW;
	if (cache->too_large)
		g_clear_pointer(&cache->rows, g_hash_table_unref);
	else if (code != SQLITE_DONE)
		turn_off(cache, "reading it");
}

static void leave_folder(VkCatalogCache *cache)
{
	g_clear_pointer(&cache->folder, g_free);
	g_clear_pointer(&cache->rows, g_hash_table_unref);
	cache->too_large = FALSE;
	cache->asked = 0;
}

static GBytes *take_value(const Entry *entry, guint64 identity)
{
	return entry && entry->identity == identity ? g_bytes_ref(entry->value) : NULL;
}

static GBytes *get_locked(VkCatalogCache *cache, const char *folder, const char *name,
			  guint64 identity)
{
	GBytes *value;
	Entry *entry;

	if (g_strcmp0(cache->folder, folder) != 0) {
		leave_folder(cache);
		cache->folder = g_strdup(folder);
	}
	if (++cache->asked > FEW && !cache->rows && !cache->too_large)
		read_folder(cache);
	if (cache->rows)
		return take_value(g_hash_table_lookup(cache->rows, name), identity);
	entry = cache->db ? read_entry(cache, folder, name) : NULL;
	value = take_value(entry, identity);
	g_clear_pointer(&entry, entry_free);
	return value;
}

GBytes *vk_catalog_cache_get(VkCatalogCache *cache, const char *folder, const char *name,
			     guint64 identity)
{
	GBytes *value = NULL;

	if (!cache)
		return NULL;
	g_mutex_lock(&cache->mutex);
	if (open_db(cache))
		value = get_locked(cache, folder, name, identity);
	g_mutex_unlock(&cache->mutex);
	return value;
}

/* Runs a statement that returns no rows. */
static gboolean run(sqlite3_stmt *statement)
{
	gboolean ok = sqlite3_step(statement) == SQLITE_DONE;

	return sqlite3_reset(statement) == SQLITE_OK && ok;
}

static gboolean write_entry(VkCatalogCache *cache, const Entry *entry)
{
	sqlite3_stmt *statement = cache->statements[STATEMENT_PUT];
	gsize length;
	const void *value = g_bytes_get_data(entry->value, &length);

	bind_text(statement, 1, entry->folder);
	bind_text(statement, 2, entry->name);
	sqlite3_bind_int64(statement, 3, (gint64)entry->identity);
	sqlite3_bind_int64(statement, 4, sum_of(cache, entry));
	/* A blob without a place would be NULL. */
	sqlite3_bind_blob(statement, 5, length > 0 ? value : "", (int)length, SQLITE_STATIC);
	return run(statement);
}

/* A cache that is full begins anew. */
static void give_up_writing(VkCatalogCache *cache)
{
	gboolean is_full = sqlite3_errcode(cache->db) == SQLITE_FULL;

	if (is_full && (sqlite3_get_autocommit(cache->db) || execute(cache, "ROLLBACK")) &&
	    make_table(cache))
		return;
	turn_off(cache, "writing it");
}

static void flush_locked(VkCatalogCache *cache)
{
	gboolean ok = TRUE;

	if (cache->pending->len > 0 && open_db(cache)) {
		ok = execute(cache, "BEGIN IMMEDIATE");
		for (guint i = 0; ok && i < cache->pending->len; i++)
			ok = write_entry(cache, g_ptr_array_index(cache->pending, i));
		if (!ok || !execute(cache, "COMMIT"))
			give_up_writing(cache);
	}
	g_ptr_array_set_size(cache->pending, 0);
}

void vk_catalog_cache_put(VkCatalogCache *cache, const char *folder, const char *name,
			  guint64 identity, GBytes *value)
{
	if (!cache)
		return;
	g_mutex_lock(&cache->mutex);
	if (open_db(cache)) {
		g_ptr_array_add(cache->pending, entry_new(folder, name, identity, value));
		if (cache->pending->len >= PENDING_MAX)
			flush_locked(cache);
	}
	g_mutex_unlock(&cache->mutex);
}

/* The first column of all rows, or of those that are not in KEPT. New strings. */
static GPtrArray *find_unkept(VkCatalogCache *cache, sqlite3_stmt *statement, GHashTable *kept)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		if (text && !g_hash_table_contains(kept, text))
			g_ptr_array_add(found, g_strdup(text));
	}
	sqlite3_reset(statement);
	if (code != SQLITE_DONE)
		turn_off(cache, "reading it");
	return found;
}

void vk_catalog_cache_keep(VkCatalogCache *cache, const char *folder, GHashTable *names)
{
	g_autoptr(GPtrArray) gone = NULL;
	gboolean ok = TRUE;

	if (!cache)
		return;
	g_mutex_lock(&cache->mutex);
	if (open_db(cache)) {
		bind_text(cache->statements[STATEMENT_FOLDER], 1, folder);
		gone = find_unkept(cache, cache->statements[STATEMENT_FOLDER], names);
	}
	for (guint i = 0; cache->db && ok && i < gone->len; i++) {
		bind_text(cache->statements[STATEMENT_DROP], 1, folder);
		bind_text(cache->statements[STATEMENT_DROP], 2, g_ptr_array_index(gone, i));
		ok = run(cache->statements[STATEMENT_DROP]);
	}
	if (!ok)
		turn_off(cache, "removing from it");
	g_mutex_unlock(&cache->mutex);
}

void vk_catalog_cache_keep_folders(VkCatalogCache *cache, GHashTable *folders)
{
	g_autoptr(GPtrArray) gone = NULL;
	gboolean ok = TRUE;

	if (!cache)
		return;
	g_mutex_lock(&cache->mutex);
	if (open_db(cache))
		gone = find_unkept(cache, cache->statements[STATEMENT_FOLDERS], folders);
	for (guint i = 0; cache->db && ok && i < gone->len; i++) {
		bind_text(cache->statements[STATEMENT_DROP_FOLDER], 1, g_ptr_array_index(gone, i));
		ok = run(cache->statements[STATEMENT_DROP_FOLDER]);
	}
	if (!ok)
		turn_off(cache, "removing from it");
	g_mutex_unlock(&cache->mutex);
}

void vk_catalog_cache_free(VkCatalogCache *cache)
{
	if (!cache)
		return;
	flush_locked(cache);
	close_db(cache);
	leave_folder(cache);
	g_ptr_array_unref(cache->pending);
	g_mutex_clear(&cache->mutex);
	g_free(cache->directory);
	g_free(cache->vault_id);
	g_free(cache);
}
