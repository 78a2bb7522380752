/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-cache.h"

#include "cache-file-priv.h"
#include "cache-seal.h"

#include <string.h>

/* How many puts are written at once, and how large a folder is read at once. */
#define PENDING_MAX 2000
#define ROWS_MAX    65536
/* Whoever asks more often in a folder wants all of it. */
#define FEW 3

/* What is known of the folder of a shelf that was asked for last. */
typedef struct {
	char *folder;       /* nullable */
	guint asked;        /* how often */
	GHashTable *rows;   /* VkCacheRow by its name: all of FOLDER; nullable */
	gboolean too_large; /* FOLDER has more than ROWS_MAX */
} Folder;

struct VkCatalogCache {
	GMutex mutex;      /* guards what follows */
	VkCacheSeal *seal; /* immutable; NULL: the vault is not encrypted */
	VkCacheFile *file;
	Folder folders[VK_N_SHELVES];
	GHashTable *pending; /* VkCacheRow by its place */
};

VkCatalogCache *vk_catalog_cache_new(const char *directory, const char *vault_id,
				     const VkKeyring *keyring)
{
	VkCatalogCache *cache = g_new0(VkCatalogCache, 1);

	g_mutex_init(&cache->mutex);
	cache->seal = keyring ? vk_cache_seal_new(keyring) : NULL;
	cache->file = vk_cache_file_new(directory, vault_id);
	cache->pending = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, vk_cache_row_free);
	return cache;
}

static void leave_folder(Folder *folder)
{
	g_clear_pointer(&folder->folder, g_free);
	g_clear_pointer(&folder->rows, g_hash_table_unref);
	folder->too_large = FALSE;
	folder->asked = 0;
}

static void read_folder(VkCatalogCache *cache, VkCacheShelf shelf, Folder *folder)
{
	g_autoptr(GPtrArray) rows =
		vk_cache_file_read(cache->file, shelf, folder->folder, NULL, ROWS_MAX);

	folder->too_large = rows == NULL;
	if (!rows)
		return;
	folder->rows = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, vk_cache_row_free);
	g_ptr_array_set_free_func(rows, NULL);
	for (guint i = 0; i < rows->len; i++) {
		VkCacheRow *row = g_ptr_array_index(rows, i);

		g_hash_table_replace(folder->rows, row->name, row);
	}
}

static GBytes *take_value(const VkCacheRow *row, guint64 identity)
{
	return row && row->identity == identity ? g_bytes_ref(row->value) : NULL;
}

/* New string. */
static char *place_of(VkCacheShelf shelf, const char *folder, const char *name)
{
	return g_strdup_printf("%d/%s/%s", (int)shelf, folder, name);
}

static GBytes *find_pending(const VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			    const char *name, guint64 identity)
{
	g_autofree char *place = NULL;

	if (g_hash_table_size(cache->pending) == 0)
		return NULL;
	place = place_of(shelf, folder, name);
	return take_value(g_hash_table_lookup(cache->pending, place), identity);
}

static GBytes *find_written(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			    const char *name, guint64 identity)
{
	Folder *at = &cache->folders[shelf];
	g_autoptr(GPtrArray) rows = NULL;

	if (g_strcmp0(at->folder, folder) != 0) {
		leave_folder(at);
		at->folder = g_strdup(folder);
	}
	if (++at->asked > FEW && !at->rows && !at->too_large)
		read_folder(cache, shelf, at);
	if (at->rows)
		return take_value(g_hash_table_lookup(at->rows, name), identity);
	rows = vk_cache_file_read(cache->file, shelf, folder, name, 1);
	return rows && rows->len > 0 ? take_value(g_ptr_array_index(rows, 0), identity) : NULL;
}

/* What a name or a folder is called in the file. New string. */
static char *stored_name(const VkCatalogCache *cache, const char *name)
{
	return cache->seal ? vk_cache_seal_name(cache->seal, name) : g_strdup(name);
}

/* Takes VALUE, which is nullable. NULL: it is not what was put there. */
static GBytes *open_value(const VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			  const char *name, guint64 identity, GBytes *value)
{
	g_autoptr(GBytes) sealed = value;
	g_autofree char *place = NULL;

	if (!sealed || !cache->seal)
		return g_steal_pointer(&sealed);
	place = place_of(shelf, folder, name);
	return vk_cache_seal_open(cache->seal, place, identity, sealed);
}

GBytes *vk_catalog_cache_get(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			     const char *name, guint64 identity)
{
	g_autofree char *stored_folder = cache ? stored_name(cache, folder) : NULL;
	g_autofree char *stored = cache ? stored_name(cache, name) : NULL;
	GBytes *value;

	if (!cache)
		return NULL;
	g_mutex_lock(&cache->mutex);
	value = find_pending(cache, shelf, stored_folder, stored, identity);
	if (!value)
		value = find_written(cache, shelf, stored_folder, stored, identity);
	g_mutex_unlock(&cache->mutex);
	return open_value(cache, shelf, stored_folder, stored, identity, value);
}

/* What was read of the file does not have them. */
static void flush_locked(VkCatalogCache *cache)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	GHashTableIter at;
	gpointer row;

	g_hash_table_iter_init(&at, cache->pending);
	while (g_hash_table_iter_next(&at, NULL, &row))
		g_ptr_array_add(rows, row);
	if (rows->len > 0)
		vk_cache_file_write(cache->file, rows);
	g_hash_table_remove_all(cache->pending);
	for (int shelf = 0; shelf < VK_N_SHELVES; shelf++)
		leave_folder(&cache->folders[shelf]);
}

void vk_catalog_cache_put(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			  const char *name, guint64 identity, GBytes *value)
{
	g_autofree char *stored_folder = cache ? stored_name(cache, folder) : NULL;
	g_autofree char *stored = cache ? stored_name(cache, name) : NULL;
	g_autoptr(GBytes) sealed = NULL;
	char *place;

	if (!cache)
		return;
	place = place_of(shelf, stored_folder, stored);
	sealed = cache->seal ? vk_cache_seal_close(cache->seal, place, identity, value)
			     : g_bytes_ref(value);
	g_mutex_lock(&cache->mutex);
	g_hash_table_replace(cache->pending, place,
			     vk_cache_row_new(shelf, stored_folder, stored, identity, sealed));
	if (g_hash_table_size(cache->pending) >= PENDING_MAX)
		flush_locked(cache);
	g_mutex_unlock(&cache->mutex);
}

/* What the names of a set are called in the file: a new set. */
static GHashTable *stored_names(const VkCatalogCache *cache, GHashTable *names)
{
	GHashTable *stored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter at;
	gpointer name;

	g_hash_table_iter_init(&at, names);
	while (g_hash_table_iter_next(&at, &name, NULL))
		g_hash_table_add(stored, stored_name(cache, name));
	return stored;
}

/* Of NAMES those that are not in KEPT. Takes NAMES. */
static GPtrArray *leave_out(GPtrArray *names, GHashTable *kept)
{
	for (guint i = names->len; i > 0; i--)
		if (g_hash_table_contains(kept, g_ptr_array_index(names, i - 1)))
			g_ptr_array_remove_index_fast(names, i - 1);
	return names;
}

/* What is pending is there, for whoever puts knows the store. */
static void keep(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder, GHashTable *kept)
{
	g_autofree char *stored_folder = cache && folder ? stored_name(cache, folder) : NULL;
	g_autoptr(GHashTable) stored = cache ? stored_names(cache, kept) : NULL;
	g_autoptr(GPtrArray) gone = NULL;

	if (!cache)
		return;
	g_mutex_lock(&cache->mutex);
	gone = leave_out(vk_cache_file_list(cache->file, shelf, stored_folder), stored);
	vk_cache_file_remove(cache->file, shelf, stored_folder, gone);
	g_mutex_unlock(&cache->mutex);
}

void vk_catalog_cache_keep(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			   GHashTable *names)
{
	keep(cache, shelf, folder, names);
}

void vk_catalog_cache_keep_folders(VkCatalogCache *cache, VkCacheShelf shelf, GHashTable *folders)
{
	keep(cache, shelf, NULL, folders);
}

void vk_catalog_cache_clear(VkCatalogCache *cache)
{
	if (!cache)
		return;
	g_mutex_lock(&cache->mutex);
	g_hash_table_remove_all(cache->pending);
	for (int shelf = 0; shelf < VK_N_SHELVES; shelf++)
		leave_folder(&cache->folders[shelf]);
	vk_cache_file_clear(cache->file);
	g_mutex_unlock(&cache->mutex);
}

void vk_catalog_cache_free(VkCatalogCache *cache)
{
	if (!cache)
		return;
	flush_locked(cache);
	vk_cache_file_free(cache->file);
	vk_cache_seal_free(cache->seal);
	g_hash_table_unref(cache->pending);
	g_mutex_clear(&cache->mutex);
	g_free(cache);
}
