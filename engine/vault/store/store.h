/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkStore: where a vault's objects lie. Objects are immutable and named by relative paths of
 * [A-Za-z0-9._-] and '/'. A store is a table of calls; none of them needs compare-and-swap.
 * Threads: all calls are free, but for the free.
 */
#pragma once

#include "json.h"

#include <glib.h>
#include <sys/uio.h>

typedef struct VkStore VkStore;

/* An object that is being written, by one thread at a time. */
typedef struct VkNewObject VkNewObject;

typedef enum {
	VK_PUT_LATER, /* durable after sync(); of a pack, others may not see it before */
	VK_PUT_NOW,   /* content and name durable at once */
	VK_PUT_HINT,  /* may be lost by a crash, never half there */
	VK_PUT_OVER,  /* as NOW, but replaces the object that is there: for vault.json alone */
} VkPutMode;

typedef struct VkStoreOps {
	/* Begins a new object that is to have NAME. Until it is finished, no reader sees it and a
	   crash removes it. */
	VkNewObject *(*begin)(VkStore *store, const char *name, GError **error);
	/* Appends to it. When that fails the object can only be dropped. */
	gboolean (*append)(VkNewObject *object, const void *bytes, gsize length, GError **error);
	/* Publishes it under NAME, the one that it was begun with, and frees it; VK_ERROR_EXISTS if
	   there is one, but for VK_PUT_OVER. On failure it is dropped. */
	gboolean (*finish)(VkNewObject *object, const char *name, VkPutMode mode, GError **error);
	/* Frees it unpublished. */
	void (*drop)(VkNewObject *object);
	/* Makes all names put with VK_PUT_LATER, and all adopted ones, durable. */
	gboolean (*sync)(VkStore *store, GError **error);
	/* Makes the next sync() cover an object of another writer, who may not have synced it. */
	void (*adopt)(VkStore *store, const char *name);
	/* Exactly LENGTH bytes at OFFSET; VK_ERROR_DAMAGE when the object is shorter, or when it is
	   a pack and a disk has lost these bytes. A server's error is a failure: it may be
	   overloaded. */
	gboolean (*get)(VkStore *store, const char *name, guint64 offset, void *buf, gsize length,
			GError **error);
	/* As vk_store_get_all(). NULL: head() and get() do it. */
	GBytes *(*get_all)(VkStore *store, const char *name, gsize limit, GError **error);
	/* As vk_store_get_tail(). NULL: head() and get() do it; then more bytes than are needed
	   cost more than a second call. */
	GBytes *(*get_tail)(VkStore *store, const char *name, gsize length, guint64 *ret_size,
			    GError **error);
	/* How large the object is and when it was stored: bytes, and seconds since 1970 by the
	   store's own clock (nullable). Of the object that is there now; VK_ERROR_NOT_FOUND when
	   there is none. */
	gboolean (*head)(VkStore *store, const char *name, guint64 *ret_size, gint64 *ret_stored,
			 GError **error);
	/* A number that becomes another one when the object or folder NAME changes. FALSE when that
	   cannot be promised: it is not there, or it changed a moment ago. */
	gboolean (*identify)(VkStore *store, const char *name, guint64 *ret_identity);
	/* Names of objects and folders (with '/' at the end) right below FOLDER, unordered. New
	   strings relative to FOLDER. A folder that is not there is empty. */
	GPtrArray *(*list)(VkStore *store, const char *folder, GError **error);
	/* As vk_store_list_deep(). NULL: list() does it, folder by folder. */
	GPtrArray *(*list_deep)(VkStore *store, const char *folder, GError **error);
	/* A number that changes when objects appear or go below FOLDER's direct folders. */
	gboolean (*stamp)(VkStore *store, const char *folder, guint64 *ret_stamp, GError **error);
	/* Removes an object, durably; succeeds if it is gone already. */
	gboolean (*delete)(VkStore *store, const char *name, GError **error);
	/* Bytes of NAME do not match their checksum. TRUE: they may have been kept on this host;
	   what is kept is forgotten, and from now on a get asks the store itself. To be called
	   once for each read that failed. NULL: never. */
	gboolean (*distrust)(VkStore *store, const char *name);
	/* What was found out about the server when the store was new: it is kept with the vault. A
	   new reference; NULL: nothing was. NULL: nothing ever is. */
	json_t *(*get_traits)(VkStore *store);
	/* Takes it again (nullable), so that nothing is to be found out. NULL as get_traits. */
	void (*set_traits)(VkStore *store, const json_t *traits);
	void (*free)(VkStore *store);
} VkStoreOps;

struct VkStore {
	const VkStoreOps *ops;
};

/*
 * A directory. With FOLDERS (nullable, NULL at the end) it and these folders in it are made, unless
 * they are there, durably. The error names PATH.
 */
VkStore *vk_store_dir_new(const char *path, const char *const *folders, GError **error);

/*
 * A bucket at URL: "https://ENDPOINT/BUCKET[/PREFIX]". Packs are put by several uploads at a time,
 * which hold them in memory. With IS_NEW the server must show that a vault can be kept there.
 */
VkStore *vk_store_s3_new(const char *url, gboolean is_new, GError **error);

/* URL without what may be left out of it. New string; VK_ERROR_USAGE when it is none. */
char *vk_store_s3_normalise(const char *url, GError **error);

/* Puts a new object made of PARTS. VK_ERROR_EXISTS if there is one. */
gboolean vk_store_put(VkStore *store, const char *name, const struct iovec *parts, int n_parts,
		      VkPutMode mode, GError **error);

/* The whole object as bytes, at most LIMIT; VK_ERROR_DAMAGE when it is larger. */
GBytes *vk_store_get_all(VkStore *store, const char *name, gsize limit, GError **error);

/* The last LENGTH bytes, or all if it has fewer. *RET_SIZE is how many it has. */
GBytes *vk_store_get_tail(VkStore *store, const char *name, gsize length, guint64 *ret_size,
			  GError **error);

/* The same by head() and get(). For the store's own get_tail. */
GBytes *vk_store_get_tail_by_size(VkStore *store, const char *name, gsize length, guint64 *ret_size,
				  GError **error);

/*
 * Names of all objects in the folders right below FOLDER, as "folder/object", unordered. New
 * strings.
 */
GPtrArray *vk_store_list_deep(VkStore *store, const char *folder, GError **error);

/*
 * After TROUBLE with bytes of NAME: TRUE if they may come again without it, see distrust(). TROUBLE
 * is cleared then.
 */
gboolean vk_store_distrust(VkStore *store, const char *name, GError **trouble);
