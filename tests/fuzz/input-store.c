/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "input-store.h"

#include "errors.h"

#include <string.h>

typedef struct InputStore {
	VkStore base;
	GHashTable *objects; /* name -> GBytes */
} InputStore;

struct VkNewObject {
	InputStore *store;
	GByteArray *bytes;
};

static VkNewObject *input_begin(VkStore *store, const char *name, GError **error)
{
	VkNewObject *object = g_new0(VkNewObject, 1);

	object->store = (InputStore *)store;
	object->bytes = g_byte_array_new();
	return object;
}

static gboolean input_append(VkNewObject *object, const void *bytes, gsize length, GError **error)
{
	g_byte_array_append(object->bytes, bytes, (guint)length);
	return TRUE;
}

static void input_drop(VkNewObject *object)
{
	g_byte_array_unref(object->bytes);
	g_free(object);
}

static gboolean input_finish(VkNewObject *object, const char *name, VkPutMode mode, GError **error)
{
	gboolean is_new = mode == VK_PUT_OVER ||
			  !g_hash_table_contains(object->store->objects, name) ||
			  vk_fail(error, VK_ERROR_EXISTS, "'%s' is there already", name);

	if (is_new)
		input_store_add(&object->store->base, name, object->bytes->data,
				object->bytes->len);
	input_drop(object);
	return is_new;
}

static gboolean input_sync(VkStore *store, GError **error)
{
	return TRUE;
}

static void input_adopt(VkStore *store, const char *name)
{
}

static GBytes *find(VkStore *store, const char *name, GError **error)
{
	GBytes *bytes = g_hash_table_lookup(((InputStore *)store)->objects, name);

	if (!bytes)
		vk_fail(error, VK_ERROR_NOT_FOUND, "there is no '%s'", name);
	return bytes;
}

static gboolean input_get(VkStore *store, const char *name, guint64 offset, void *buf, gsize length,
			  GError **error)
{
	GBytes *bytes = find(store, name, error);
	gsize size = bytes ? g_bytes_get_size(bytes) : 0;

	if (!bytes)
		return FALSE;
	if (offset > size || length > size - offset)
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is truncated", name);
	if (length > 0)
		memcpy(buf, (const guint8 *)g_bytes_get_data(bytes, NULL) + offset, length);
	return TRUE;
}

static gboolean input_head(VkStore *store, const char *name, guint64 *ret_size, gint64 *ret_stored,
			   GError **error)
{
	GBytes *bytes = find(store, name, error);

	if (!bytes)
		return FALSE;
	*ret_size = g_bytes_get_size(bytes);
	if (ret_stored)
		*ret_stored = 0;
	return TRUE;
}

static gboolean input_identify(VkStore *store, const char *name, guint64 *ret_identity)
{
	return FALSE;
}

/* Each folder once. */
static GPtrArray *input_list(VkStore *store, const char *folder, GError **error)
{
	g_autofree char *prefix = strcmp(folder, ".") == 0        ? g_strdup("")
				  : g_str_has_suffix(folder, "/") ? g_strdup(folder)
								  : g_strconcat(folder, "/", NULL);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer object;

	g_hash_table_iter_init(&iter, ((InputStore *)store)->objects);
	while (g_hash_table_iter_next(&iter, &object, NULL)) {
		const char *name = object, *end;
		g_autofree char *entry = NULL;

		if (!g_str_has_prefix(name, prefix))
			continue;
		name += strlen(prefix);
		end = strchr(name, '/');
		entry = end ? g_strndup(name, (gsize)(end - name) + 1) : g_strdup(name);
		if (g_hash_table_add(seen, g_strdup(entry)))
			g_ptr_array_add(names, g_steal_pointer(&entry));
	}
	return names;
}

static gboolean input_stamp(VkStore *store, const char *folder, guint64 *ret_stamp, GError **error)
{
	*ret_stamp = g_hash_table_size(((InputStore *)store)->objects);
	return TRUE;
}

static gboolean input_delete(VkStore *store, const char *name, GError **error)
{
	g_hash_table_remove(((InputStore *)store)->objects, name);
	return TRUE;
}

static void input_free(VkStore *store)
{
	g_hash_table_unref(((InputStore *)store)->objects);
	g_free(store);
}

static const VkStoreOps input_ops = {
	.begin = input_begin,
	.append = input_append,
	.finish = input_finish,
	.drop = input_drop,
	.sync = input_sync,
	.adopt = input_adopt,
	.get = input_get,
	.head = input_head,
	.identify = input_identify,
	.list = input_list,
	.stamp = input_stamp,
	.delete = input_delete,
	.free = input_free,
};

VkStore *input_store_new(void)
{
	InputStore *store = g_new0(InputStore, 1);

	store->base.ops = &input_ops;
	store->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)g_bytes_unref);
	return &store->base;
}

void input_store_add(VkStore *store, const char *name, const void *bytes, gsize length)
{
	g_hash_table_insert(((InputStore *)store)->objects, g_strdup(name),
			    g_bytes_new(bytes, length));
}

void input_store_add_json(VkStore *store, const char *name, const void *text, gsize length)
{
	g_autoptr(GString) object = g_string_new_len(text, (gssize)length);
	g_autofree char *sum = NULL;

	for (gsize i = 0; i < object->len; i++)
		if (object->str[i] == '\n')
			object->str[i] = ' ';
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)object->str,
					  object->len);
	g_string_append_printf(object, "\n{\"sha256\":\"%s\"}\n", sum);
	input_store_add(store, name, object->str, object->len);
}

void input_store_clear(VkStore *store)
{
	g_hash_table_remove_all(((InputStore *)store)->objects);
}
