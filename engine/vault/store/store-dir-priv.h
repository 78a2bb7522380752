/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the directory backend: store-dir.c reads, store-dir-write.c writes. */
#pragma once

#include "store.h"

typedef struct DirBackend {
	VkBackend base;
	char *path;
	int fd;
	GMutex sync_mutex; /* a sync ends only when those before it have ended */
	GMutex mutex;
	GHashTable *files;    /* name -> link in RECENT; under the mutex */
	GQueue recent;        /* OpenFile, most recently used first; under the mutex */
	GHashTable *unsynced; /* folders with names to be made durable; under the mutex */
	gboolean condemned;   /* under the mutex */
	gboolean cleaned;     /* stale temporary files were removed; under the mutex */
} DirBackend;

/* The calls of the table that write; for their contracts see VkBackendOps. */
VkNewObject *vk_dir_begin(VkBackend *backend, GError **error);
gboolean vk_dir_append(VkNewObject *object, const void *bytes, gsize length, GError **error);
gboolean vk_dir_finish(VkNewObject *object, const char *name, VkPutMode mode, GError **error);
void vk_dir_drop(VkNewObject *object);
gboolean vk_dir_sync(VkBackend *backend, GError **error);
void vk_dir_adopt(VkBackend *backend, const char *name);

/* Makes the names in FOLDER durable; a failure condemns the backend. */
gboolean vk_dir_sync_folder(DirBackend *dir, const char *folder, GError **error);

/* What lies in FOLDER, as VkBackendOps.list. */
GPtrArray *vk_dir_list(VkBackend *backend, const char *folder, GError **error);
