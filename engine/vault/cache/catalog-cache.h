/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCatalogCache: what this host remembers of the objects in a vault's catalogue. It is one SQLite
 * file for each vault. The store stays the authority: an entry counts only while its object has the
 * same identity, VkStoreOps.identify, and only if its checksum matches. So the file may be lost,
 * stale, wrong, damaged or locked. That of an encrypted vault is sealed. Nothing here fails: a
 * cache that does not work is empty, and what is put is dropped. Threads: free, but for the free.
 */
#pragma once

#include "keyring.h"

#include <glib.h>

typedef struct VkCatalogCache VkCatalogCache;

/* Entries of one kind. They lie together, so that other kinds cost nothing when they are read. */
typedef enum {
	VK_SHELF_GUESTS,
	VK_SHELF_SUMMARIES,
	VK_SHELF_REPORTS,
	VK_N_SHELVES,
} VkCacheShelf;

/*
 * DIRECTORY is made when the cache is first used, and the file of VAULT_ID in it. KEYRING, of an
 * encrypted vault and else NULL, is borrowed during the call and has the key for objects.
 */
VkCatalogCache *vk_catalog_cache_new(const char *directory, const char *vault_id,
				     const VkKeyring *keyring);

/* Writes what was put. Takes NULL. */
void vk_catalog_cache_free(VkCatalogCache *cache);

/*
 * The value of NAME in FOLDER if its object has this IDENTITY; NULL: it is not known. New
 * reference. CACHE may be NULL here and below: there is none.
 */
GBytes *vk_catalog_cache_get(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			     const char *name, guint64 identity);

/* Remembers VALUE: it is got again at once, and written soon or at the free. */
void vk_catalog_cache_put(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			  const char *name, guint64 identity, GBytes *value);

/* Drops what is in FOLDER but for NAMES, a set of strings. */
void vk_catalog_cache_keep(VkCatalogCache *cache, VkCacheShelf shelf, const char *folder,
			   GHashTable *names);

/* Removes the file, and forgets what was put. One that did not work may work again. */
void vk_catalog_cache_clear(VkCatalogCache *cache);

/* Drops all folders but FOLDERS, a set of strings. */
void vk_catalog_cache_keep_folders(VkCatalogCache *cache, VkCacheShelf shelf, GHashTable *folders);
