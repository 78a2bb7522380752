/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the directory store: store-dir.c reads, store-dir-write.c writes. */
#pragma once

#include "store.h"

typedef struct DirStore {
	VkStore base;
	char *path;
	int fd;
	GMutex sync_mutex; /* a sync ends only when those before it have ended */
	GMutex mutex;
	GHashTable *files;    /* name -> link in RECENT; under the mutex */
	GQueue recent;        /* OpenFile, most recently used first; under the mutex */
	GHashTable *unsynced; /* folders with names to be made durable; under the mutex */
	gboolean condemned;   /* under the mutex */
	gboolean cleaned;     /* stale temporary files were removed; under the mutex */
} DirStore;

/* The calls of the table that write; for their contracts see VkStoreOps. */
VkNewObject *vk_store_dir_begin(VkStore *store, const char *name, GError **error);
gboolean vk_store_dir_append(VkNewObject *object, const void *bytes, gsize length, GError **error);
gboolean vk_store_dir_finish(VkNewObject *object, const char *name, VkPutMode mode, GError **error);
void vk_store_dir_drop(VkNewObject *object);
gboolean vk_store_dir_sync(VkStore *store, GError **error);
void vk_store_dir_adopt(VkStore *store, const char *name);

/* Makes the names in FOLDER durable; a failure condemns the store. */
gboolean vk_store_dir_sync_folder(DirStore *dir, const char *folder, GError **error);

/* What lies in FOLDER, as VkStoreOps.list. */
GPtrArray *vk_store_dir_list(VkStore *store, const char *folder, GError **error);
