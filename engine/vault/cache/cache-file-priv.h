/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCacheFile: the SQLite file of a VkCatalogCache, a table for each shelf. It is opened when it is
 * first used. Once something fails it is off for the rest of the process: reads find nothing and
 * writes do nothing. Threads: one at a time.
 */
#pragma once

#include "catalog-cache.h"

#include <glib.h>

typedef struct VkCacheFile VkCacheFile;

typedef struct VkCacheRow {
	VkCacheShelf shelf;
	char *folder, *name;
	guint64 identity; /* of the object that VALUE was made from */
	GBytes *value;
} VkCacheRow;

VkCacheRow *vk_cache_row_new(VkCacheShelf shelf, const char *folder, const char *name,
			     guint64 identity, GBytes *value);
void vk_cache_row_free(gpointer row);

VkCacheFile *vk_cache_file_new(const char *directory, const char *vault_id);
void vk_cache_file_free(VkCacheFile *file);

/* Removes the file. The next use begins a new one, also if this one was off. */
void vk_cache_file_clear(VkCacheFile *file);

/* Whether it can be used: opens it if need be. */
gboolean vk_cache_file_open(VkCacheFile *file);

/*
 * The sound rows of FOLDER, or of NAME (nullable) alone in it. If there are more than LIMIT, NULL.
 * Returns VkCacheRow*, owned by the array.
 */
GPtrArray *vk_cache_file_read(VkCacheFile *file, VkCacheShelf shelf, const char *folder,
			      const char *name, guint limit);

/* Writes ROWS, VkCacheRow*, over those of the same name: all or none. */
void vk_cache_file_write(VkCacheFile *file, const GPtrArray *rows);

/* The names in FOLDER, or with NULL the folders. New strings. */
GPtrArray *vk_cache_file_list(VkCacheFile *file, VkCacheShelf shelf, const char *folder);

/* Removes NAMES, strings, from FOLDER, or with NULL the folders NAMES. */
void vk_cache_file_remove(VkCacheFile *file, VkCacheShelf shelf, const char *folder,
			  const GPtrArray *names);
