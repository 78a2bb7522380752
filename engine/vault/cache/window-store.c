/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window-store.h"

#include "window-files.h"
#include "windows.h"

#include "layout.h"

#include <string.h>

/* The header of a pack is read by itself: with it comes so much, which takes no longer. */
#define HEAD_LENGTH (16u << 10)
#define HEADER_MAX  4096u
/* More at once, as a whole pack, is one request and is not kept. */
#define PASS_MIN (2 * VK_WINDOW_SIZE + 1)
/* Of how many objects it is remembered how large they are. */
#define OBJECTS_MAX 65536u
/* Larger ones are read in pieces. */
#define WHOLE_MAX (1u << 20)

#define PART_HEAD  "head"
#define PART_TAIL  "tail"
#define PART_WHOLE "whole"

/* What is known of an object that may be kept. */
typedef struct Object {
	guint64 size;           /* 0: not known */
	gboolean is_distrusted; /* it is read where it comes from */
} Object;

typedef struct WindowStore {
	VkStore base;
	VkStoreOps ops; /* new objects are the inner store's own */
	VkStore *inner;
	gboolean keeps_hints, keeps_packs;
	VkWindowFiles *files; /* NULL: nothing is kept */
	VkWindows *windows;   /* likewise */
	GMutex mutex;         /* guards what follows */
	GHashTable *objects;  /* name -> Object */
} WindowStore;

static VkStore *inner_of(VkStore *store)
{
	return ((WindowStore *)store)->inner;
}

static gboolean may_keep(const WindowStore *store, const char *name)
{
	return (store->keeps_packs && g_str_has_prefix(name, VK_FOLDER_PACKS "/")) ||
	       (store->keeps_hints && g_str_has_prefix(name, VK_FOLDER_HINTS "/"));
}

/* Whether NAME is kept. *RET_SIZE: of the object; 0: not known. */
static gboolean is_kept(WindowStore *store, const char *name, guint64 *ret_size)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);
	const Object *object = g_hash_table_lookup(store->objects, name);

	*ret_size = object ? object->size : 0;
	return may_keep(store, name) && !(object && object->is_distrusted);
}

static Object *object_locked(WindowStore *store, const char *name)
{
	Object *object = g_hash_table_lookup(store->objects, name);

	if (object)
		return object;
	/* What is not known costs a request. */
	if (g_hash_table_size(store->objects) >= OBJECTS_MAX)
		g_hash_table_remove_all(store->objects);
	object = g_new0(Object, 1);
	g_hash_table_insert(store->objects, g_strdup(name), object);
	return object;
}

static void set_size(WindowStore *store, const char *name, guint64 size)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&store->mutex);

	object_locked(store, name)->size = size;
}

static VkNewObject *window_begin(VkStore *store, const char *name, GError **error)
{
	return inner_of(store)->ops->begin(inner_of(store), name, error);
}

static gboolean window_sync(VkStore *store, GError **error)
{
	return inner_of(store)->ops->sync(inner_of(store), error);
}

static void window_adopt(VkStore *store, const char *name)
{
	inner_of(store)->ops->adopt(inner_of(store), name);
}

/* The first LENGTH bytes, which come with what is behind them. */
static gboolean get_head(WindowStore *store, const char *name, guint64 size, void *buf,
			 gsize length, GError **error)
{
	const gsize whole = (gsize)MIN(size, HEAD_LENGTH);
	g_autoptr(GBytes) head = vk_window_files_get(store->files, name, PART_HEAD, NULL);
	g_autofree guint8 *bytes = NULL;

	if (!head || g_bytes_get_size(head) != whole) {
		g_clear_pointer(&head, g_bytes_unref);
		bytes = g_malloc(whole);
		if (!store->inner->ops->get(store->inner, name, 0, bytes, whole, error))
			return FALSE;
		head = g_bytes_new_take(g_steal_pointer(&bytes), whole);
		vk_window_files_put(store->files, name, PART_HEAD, head, size);
	}
	memcpy(buf, g_bytes_get_data(head, NULL), length);
	return TRUE;
}

static gboolean window_get(VkStore *base, const char *name, guint64 offset, void *buf, gsize length,
			   GError **error)
{
	WindowStore *store = (WindowStore *)base;
	guint64 size;

	if (length == 0 || length >= PASS_MIN || !is_kept(store, name, &size) || offset >= size ||
	    length > size - offset)
		return store->inner->ops->get(store->inner, name, offset, buf, length, error);
	if (offset == 0 && length <= HEADER_MAX && !vk_windows_has(store->windows, name, 0))
		return get_head(store, name, size, buf, length, error);
	return vk_windows_get(store->windows, name, size, offset, buf, length, error);
}

static GBytes *window_get_all(VkStore *base, const char *name, gsize limit, GError **error)
{
	WindowStore *store = (WindowStore *)base;
	guint64 size;
	gboolean keeps = is_kept(store, name, &size) && g_str_has_prefix(name, VK_FOLDER_HINTS "/");
	g_autoptr(GBytes) kept =
		keeps ? vk_window_files_get(store->files, name, PART_WHOLE, NULL) : NULL;
	GBytes *bytes;

	if (kept && g_bytes_get_size(kept) <= limit)
		return g_steal_pointer(&kept);
	bytes = vk_store_get_all(store->inner, name, limit, error);
	if (keeps && bytes && g_bytes_get_size(bytes) <= WHOLE_MAX)
		vk_window_files_put(store->files, name, PART_WHOLE, bytes, g_bytes_get_size(bytes));
	return bytes;
}

static GBytes *window_get_tail(VkStore *base, const char *name, gsize length, guint64 *ret_size,
			       GError **error)
{
	WindowStore *store = (WindowStore *)base;
	guint64 size;
	gboolean keeps = is_kept(store, name, &size);
	g_autoptr(GBytes) tail =
		keeps ? vk_window_files_get(store->files, name, PART_TAIL, ret_size) : NULL;

	/* Others may have wanted less of it. */
	if (tail && g_bytes_get_size(tail) != MIN(length, *ret_size))
		g_clear_pointer(&tail, g_bytes_unref);
	if (!tail) {
		tail = vk_store_get_tail(store->inner, name, length, ret_size, error);
		if (keeps && tail)
			vk_window_files_put(store->files, name, PART_TAIL, tail, *ret_size);
	}
	if (keeps && tail)
		set_size(store, name, *ret_size);
	return g_steal_pointer(&tail);
}

static gboolean window_head(VkStore *base, const char *name, guint64 *ret_size, gint64 *ret_stored,
			    GError **error)
{
	WindowStore *store = (WindowStore *)base;
	guint64 size;

	if (!store->inner->ops->head(store->inner, name, ret_size, ret_stored, error))
		return FALSE;
	if (is_kept(store, name, &size))
		set_size(store, name, *ret_size);
	return TRUE;
}

static gboolean window_identify(VkStore *store, const char *name, guint64 *ret_identity)
{
	return inner_of(store)->ops->identify(inner_of(store), name, ret_identity);
}

static GPtrArray *window_list(VkStore *store, const char *folder, GError **error)
{
	return inner_of(store)->ops->list(inner_of(store), folder, error);
}

static GPtrArray *window_list_deep(VkStore *store, const char *folder, GError **error)
{
	return vk_store_list_deep(inner_of(store), folder, error);
}

static gboolean window_stamp(VkStore *store, const char *folder, guint64 *ret_stamp, GError **error)
{
	return inner_of(store)->ops->stamp(inner_of(store), folder, ret_stamp, error);
}

static void forget(WindowStore *store, const char *name, guint64 size)
{
	vk_windows_drop(store->windows, name, size);
	vk_window_files_drop(store->files, name);
}

static gboolean window_delete(VkStore *base, const char *name, GError **error)
{
	WindowStore *store = (WindowStore *)base;
	guint64 size;

	if (!store->inner->ops->delete (store->inner, name, error))
		return FALSE;
	if (is_kept(store, name, &size))
		forget(store, name, size);
	return TRUE;
}

static gboolean window_distrust(VkStore *base, const char *name)
{
	WindowStore *store = (WindowStore *)base;
	guint64 size;

	/* Another thread may have been quicker: what the caller has read is bad all the same. */
	if (!is_kept(store, name, &size))
		return may_keep(store, name);
	g_mutex_lock(&store->mutex);
	object_locked(store, name)->is_distrusted = TRUE;
	g_mutex_unlock(&store->mutex);
	forget(store, name, size);
	return TRUE;
}

static json_t *window_get_traits(VkStore *store)
{
	const VkStoreOps *ops = inner_of(store)->ops;

	return ops->get_traits ? ops->get_traits(inner_of(store)) : NULL;
}

static void window_set_traits(VkStore *store, const json_t *traits)
{
	const VkStoreOps *ops = inner_of(store)->ops;

	if (ops->set_traits)
		ops->set_traits(inner_of(store), traits);
}

static void window_free(VkStore *base)
{
	WindowStore *store = (WindowStore *)base;

	vk_windows_free(store->windows);
	vk_window_files_free(store->files);
	store->inner->ops->free(store->inner);
	g_hash_table_unref(store->objects);
	g_mutex_clear(&store->mutex);
	g_free(store);
}

static const VkStoreOps window_ops = {
	.begin = window_begin,
	.sync = window_sync,
	.adopt = window_adopt,
	.get = window_get,
	.get_all = window_get_all,
	.get_tail = window_get_tail,
	.head = window_head,
	.identify = window_identify,
	.list = window_list,
	.list_deep = window_list_deep,
	.stamp = window_stamp,
	.delete = window_delete,
	.distrust = window_distrust,
	.get_traits = window_get_traits,
	.set_traits = window_set_traits,
	.free = window_free,
};

VkStore *vk_window_store_new(VkStore *inner)
{
	WindowStore *store = g_new0(WindowStore, 1);

	store->ops = window_ops;
	store->ops.append = inner->ops->append;
	store->ops.finish = inner->ops->finish;
	store->ops.drop = inner->ops->drop;
	store->base.ops = &store->ops;
	store->inner = inner;
	store->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_mutex_init(&store->mutex);
	return &store->base;
}

void vk_window_store_keep(VkStore *base, VkKeep what, const char *directory, const char *owner,
			  guint64 size)
{
	WindowStore *store = (WindowStore *)base;

	g_assert(!store->windows);
	store->files = directory ? vk_window_files_new(directory, owner, size) : NULL;
	store->windows = vk_windows_new(store->inner, store->files);
	store->keeps_hints = TRUE;
	store->keeps_packs = what == VK_KEEP_READS;
}
