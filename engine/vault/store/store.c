/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store.h"

#include "errors.h"

#include <string.h>

gboolean vk_store_put(VkStore *store, const char *name, const struct iovec *parts, int n_parts,
		      VkPutMode mode, GError **error)
{
	VkNewObject *object = store->ops->begin(store, name, error);

	if (!object)
		return FALSE;
	for (int i = 0; i < n_parts; i++)
		if (!store->ops->append(object, parts[i].iov_base, parts[i].iov_len, error)) {
			store->ops->drop(object);
			return FALSE;
		}
	return store->ops->finish(object, name, mode, error);
}

GBytes *vk_store_get_all(VkStore *store, const char *name, gsize limit, GError **error)
{
	g_autofree guint8 *buf = NULL;
	guint64 size;

	if (store->ops->get_all)
		return store->ops->get_all(store, name, limit, error);
	if (!store->ops->head(store, name, &size, NULL, error))
		return NULL;
	if (size > limit) {
		vk_fail(error, VK_ERROR_DAMAGE,
			"'%s' is damaged: it has %" G_GUINT64_FORMAT
			" bytes, more than the %" G_GSIZE_FORMAT " allowed",
			name, size, limit);
		return NULL;
	}
	buf = g_malloc(MAX(size, 1));
	if (!store->ops->get(store, name, 0, buf, size, error))
		return NULL;
	return g_bytes_new_take(g_steal_pointer(&buf), size);
}

GBytes *vk_store_get_tail_by_size(VkStore *store, const char *name, gsize length, guint64 *ret_size,
				  GError **error)
{
	g_autofree guint8 *buf = NULL;

	if (!store->ops->head(store, name, ret_size, NULL, error))
		return NULL;
	length = (gsize)MIN(length, *ret_size);
	buf = g_malloc(MAX(length, 1));
	if (!store->ops->get(store, name, *ret_size - length, buf, length, error))
		return NULL;
	return g_bytes_new_take(g_steal_pointer(&buf), length);
}

GBytes *vk_store_get_tail(VkStore *store, const char *name, gsize length, guint64 *ret_size,
			  GError **error)
{
	return (store->ops->get_tail ? store->ops->get_tail : vk_store_get_tail_by_size)(
		store, name, length, ret_size, error);
}

/* Appends what is in the folder NAME of FOLDER, with '/' at the end. */
static gboolean add_folder(VkStore *store, const char *folder, const char *name, GPtrArray *all,
			   GError **error)
{
	g_autofree char *path = g_strconcat(folder, "/", name, NULL);
	g_autoptr(GPtrArray) names = NULL;

	path[strlen(path) - 1] = '\0';
	names = store->ops->list(store, path, error);
	for (guint i = 0; names && i < names->len; i++)
		g_ptr_array_add(all, g_strconcat(name, names->pdata[i], NULL));
	return names != NULL;
}

GPtrArray *vk_store_list_deep(VkStore *store, const char *folder, GError **error)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) folders = NULL;

	if (store->ops->list_deep)
		return store->ops->list_deep(store, folder, error);
	folders = store->ops->list(store, folder, error);
	for (guint i = 0; folders && i < folders->len; i++)
		if (g_str_has_suffix(folders->pdata[i], "/") &&
		    !add_folder(store, folder, folders->pdata[i], all, error))
			return NULL;
	return folders ? g_steal_pointer(&all) : NULL;
}

gboolean vk_store_distrust(VkStore *store, const char *name, GError **trouble)
{
	if (!g_error_matches(*trouble, VK_ERROR, VK_ERROR_DAMAGE) || !store->ops->distrust ||
	    !store->ops->distrust(store, name))
		return FALSE;
	g_clear_error(trouble);
	return TRUE;
}
