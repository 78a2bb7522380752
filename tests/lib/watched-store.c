/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watched-store.h"

#include "errors.h"

/* What is being written belongs to the inner store, so these calls do not know the outer one. */
static WatchedStore *watched;

static gboolean note(const char *kind, const char *name, GError **error)
{
	char *call = g_strconcat(kind, " ", name, NULL);

	g_ptr_array_add(watched->calls, call);
	return !watched->on_call || watched->on_call(watched->inner, call) ||
	       vk_fail(error, VK_ERROR_FAILED, "the test lets '%s' fail", call);
}

static VkNewObject *watched_begin(VkStore *store, const char *name, GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return inner->ops->begin(inner, name, error);
}

static gboolean watched_append(VkNewObject *object, const void *bytes, gsize length, GError **error)
{
	return watched->inner->ops->append(object, bytes, length, error);
}

static gboolean watched_finish(VkNewObject *object, const char *name, VkPutMode mode,
			       GError **error)
{
	if (note("put", name, error))
		return watched->inner->ops->finish(object, name, mode, error);
	watched->inner->ops->drop(object);
	return FALSE;
}

static void watched_drop(VkNewObject *object)
{
	watched->inner->ops->drop(object);
}

static gboolean watched_sync(VkStore *store, GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return note("sync", "", error) && inner->ops->sync(inner, error);
}

static void watched_adopt(VkStore *store, const char *name)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	note("adopt", name, NULL);
	inner->ops->adopt(inner, name);
}

static gboolean watched_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return inner->ops->get(inner, name, offset, buf, length, error);
}

static gboolean watched_head(VkStore *store, const char *name, guint64 *ret_size,
			     gint64 *ret_stored, GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return note("look", name, error) &&
	       inner->ops->head(inner, name, ret_size, ret_stored, error);
}

static GPtrArray *watched_list(VkStore *store, const char *folder, GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return note("list", folder, error) ? inner->ops->list(inner, folder, error) : NULL;
}

static gboolean watched_stamp(VkStore *store, const char *folder, guint64 *ret_stamp,
			      GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return inner->ops->stamp(inner, folder, ret_stamp, error);
}

static gboolean watched_delete(VkStore *store, const char *name, GError **error)
{
	VkStore *inner = ((WatchedStore *)store)->inner;

	return note("delete", name, error) && inner->ops->delete (inner, name, error);
}

static const VkStoreOps watched_ops = {
	.begin = watched_begin,
	.append = watched_append,
	.finish = watched_finish,
	.drop = watched_drop,
	.sync = watched_sync,
	.adopt = watched_adopt,
	.get = watched_get,
	.head = watched_head,
	.list = watched_list,
	.stamp = watched_stamp,
	.delete = watched_delete,
};

WatchedStore *watched_store_new(VkStore *inner)
{
	WatchedStore *store = g_new0(WatchedStore, 1);

	g_assert(!watched);
	store->base.ops = &watched_ops;
	store->inner = inner;
	store->calls = g_ptr_array_new_with_free_func(g_free);
	watched = store;
	return store;
}

void watched_store_free(WatchedStore *store)
{
	watched = NULL;
	g_ptr_array_unref(store->calls);
	g_free(store);
}

int watched_store_find(const WatchedStore *store, const char *glob, guint from)
{
	for (guint i = from; i < store->calls->len; i++)
		if (g_pattern_match_simple(glob, g_ptr_array_index(store->calls, i)))
			return (int)i;
	return -1;
}

guint watched_store_count(const WatchedStore *store, const char *glob)
{
	guint count = 0;

	for (int i = -1; (i = watched_store_find(store, glob, (guint)(i + 1))) >= 0;)
		count++;
	return count;
}
