/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-priv.h"

#include "layout.h"
#include "checked-json.h"
#include "vault-parts.h"
#include "vault-room.h"

#include "errors.h"
#include "timestamp.h"

#include <string.h>

char *vk_catalog_new_mark(const char *prefix)
{
	return g_strdup_printf("%s%08x%08x", prefix, g_random_int(), g_random_int());
}

char *vk_catalog_mark_object(const VkSnapshotKey *key, const char *kind)
{
	return g_strdup_printf(VK_FOLDER_SNAPS "/%s/%s-%s.%s", key->uuid, key->time, key->id, kind);
}

/* The stem of each of the keys -> the key. */
static GHashTable *index_by_stem(const GPtrArray *keys, guint first)
{
	GHashTable *by_stem = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = first; i < keys->len; i++) {
		VkSnapshotKey *key = g_ptr_array_index(keys, i);

		g_hash_table_insert(by_stem, vk_snapshot_key_stem(key), key);
	}
	return by_stem;
}

void vk_catalog_take_marks(GPtrArray *keys, guint first, const GPtrArray *names)
{
	g_autoptr(GHashTable) by_stem = index_by_stem(keys, first);

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		const char *dot = strchr(name, '.');
		g_autofree char *stem = dot ? g_strndup(name, (gsize)(dot - name)) : NULL;
		VkSnapshotKey *key = stem ? g_hash_table_lookup(by_stem, stem) : NULL;

		if (!key)
			continue;
		key->forgotten = key->forgotten || strcmp(dot + 1, VK_MARK_FORGOTTEN) == 0;
		key->returning = key->returning || g_str_has_prefix(dot + 1, VK_MARK_BACK);
		key->expired = key->expired || strcmp(dot + 1, VK_MARK_EXPIRED) == 0;
		key->pinned = key->pinned || g_str_has_prefix(dot + 1, VK_MARK_PIN);
	}
}

static GPtrArray *list_kinds(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", key->uuid, NULL);
	g_autofree char *stem = vk_snapshot_key_stem(key);
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, error);
	g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; names && i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		if (g_str_has_prefix(name, stem) && name[strlen(stem)] == '.')
			g_ptr_array_add(kinds, g_strdup(name + strlen(stem) + 1));
	}
	return names ? g_steal_pointer(&kinds) : NULL;
}

/* Not by its name alone: what a host remembers of an NFS server may be older than a listing. */
static gboolean is_there(VkVault *vault, const VkSnapshotKey *key, gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) kinds = list_kinds(vault, key, error);

	*ret = kinds && vk_marks_have(kinds, VK_MARK_OBJECT);
	return kinds != NULL;
}

/*
 * The object is looked for last: a collector removes it before its marks, and a listing that goes
 * on meanwhile may show it without them.
 */
GPtrArray *vk_catalog_look(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = list_kinds(vault, key, error);
	gboolean there;

	if (!kinds || !is_there(vault, key, &there, error))
		return NULL;
	if (there)
		return g_steal_pointer(&kinds);
	vk_fail(error, VK_ERROR_NOT_FOUND, "the vault '%s' has no snapshot '%s@%s'",
		vk_vault_url(vault), key->uuid, key->time);
	return NULL;
}

gboolean vk_marks_have(const GPtrArray *kinds, const char *kind)
{
	for (guint i = 0; i < kinds->len; i++)
		if (strcmp(g_ptr_array_index(kinds, i), kind) == 0)
			return TRUE;
	return FALSE;
}

json_t *vk_catalog_describe_mark(const char *reason)
{
	g_autofree char *when = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);

	return json_pack("{s:s, s:o, s:o}", "when", when, "host",
			 vk_json_new_string(g_get_host_name()), "reason",
			 vk_json_new_string(reason));
}

/* A full disk may have room for a name still, and the name is what counts. */
static gboolean put_at_least_name(VkStore *store, const char *name, const json_t *object,
				  GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (vk_checked_json_put(store, name, object, VK_PUT_NOW, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS) ||
	    (g_error_matches(trouble, VK_ERROR, VK_ERROR_FULL) &&
	     vk_store_put(store, name, NULL, 0, VK_PUT_NOW, NULL)))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_catalog_put_mark(VkVault *vault, const VkSnapshotKey *key, const char *kind,
			     const char *reason, GError **error)
{
	g_autofree char *name = vk_catalog_mark_object(key, kind);
	g_autoptr(json_t) object = vk_catalog_describe_mark(reason);
	GError *trouble = NULL;
	gboolean done;

	do
		done = put_at_least_name(vault->store, name, object, &trouble);
	while (!done && vk_vault_make_room(vault, &trouble));
	if (!done)
		g_propagate_error(error, trouble);
	return done;
}

gboolean vk_catalog_delete_mark(VkVault *vault, const VkSnapshotKey *key, const char *kind,
				GError **error)
{
	g_autofree char *name = vk_catalog_mark_object(key, kind);

	return vault->store->ops->delete (vault->store, name, error);
}

/* D7 but for the collector's own mark: the tombstone stays until the rest is gone. */
static gboolean is_deleted_first(const char *kind)
{
	return !g_str_has_prefix(kind, VK_MARK_GOING) && strcmp(kind, VK_MARK_FORGOTTEN) != 0;
}

gboolean vk_catalog_delete_beside(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = list_kinds(vault, key, error);

	if (!kinds)
		return FALSE;
	for (guint i = 0; i < kinds->len; i++)
		if (is_deleted_first(g_ptr_array_index(kinds, i)) &&
		    !vk_catalog_delete_mark(vault, key, g_ptr_array_index(kinds, i), error))
			return FALSE;
	return !vk_marks_have(kinds, VK_MARK_FORGOTTEN) ||
	       vk_catalog_delete_mark(vault, key, VK_MARK_FORGOTTEN, error);
}

gboolean vk_catalog_has_remains(const VkSnapshotKey *key, const GPtrArray *names)
{
	g_autofree char *stem = vk_snapshot_key_stem(key);

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		const char *kind = name + strlen(stem) + 1;

		if (g_str_has_prefix(name, stem) && name[strlen(stem)] == '.' &&
		    !g_str_has_prefix(kind, VK_MARK_BEFORE))
			return TRUE;
	}
	return FALSE;
}
