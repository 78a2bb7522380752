/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-priv.h"

#include "layout.h"
#include "checked-json.h"
#include "vault-parts.h"

#include "errors.h"

#include <string.h>

static void key_free(gpointer key)
{
	vk_snapshot_key_free(key);
}

typedef struct Listing {
	VkVault *vault;
	gboolean forgotten; /* forgotten snapshots are wanted, too */
	GPtrArray *keys;
} Listing;

static void drop_forgotten(GPtrArray *keys, guint first)
{
	for (guint i = keys->len; i > first; i--)
		if (((const VkSnapshotKey *)g_ptr_array_index(keys, i - 1))->forgotten)
			g_ptr_array_remove_index(keys, i - 1);
}

/* What is hidden counts for the order, for it may be listed again. */
static void add_listed(VkVault *vault, const char *uuid, const GPtrArray *names, GPtrArray *keys)
{
	guint first = keys->len;

	for (guint i = 0; i < names->len; i++) {
		VkSnapshotKey *key = vk_snapshot_key_parse(uuid, g_ptr_array_index(names, i));

		if (key)
			g_ptr_array_add(keys, key);
	}
	vk_catalog_order(vault, keys, first, names);
	vk_catalog_take_marks(keys, first, names);
}

static gboolean list_guest(Listing *listing, const char *uuid, GError **error)
{
	VkVault *vault = listing->vault;
	GPtrArray *keys = listing->keys;
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", uuid, NULL);
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, error);
	guint first = keys->len;

	if (!names)
		return FALSE;
	add_listed(vault, uuid, names, keys);
	if (!listing->forgotten)
		drop_forgotten(keys, first);
	return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *vk_catalog_uuids(VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) folders =
		vault->store->ops->list(vault->store, VK_FOLDER_SNAPS, error);
	GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; folders && i < folders->len; i++) {
		char *folder = g_ptr_array_index(folders, i);

		if (!g_str_has_suffix(folder, "/"))
			continue;
		folder[strlen(folder) - 1] = '\0';
		if (vk_uuid_is_stored_form(folder))
			g_ptr_array_add(uuids, g_strdup(folder));
	}
	g_ptr_array_sort(uuids, compare_names);
	if (!folders)
		g_clear_pointer(&uuids, g_ptr_array_unref);
	return uuids;
}

static gboolean list_guests(Listing *listing, GError **error)
{
	g_autoptr(GPtrArray) uuids = vk_catalog_uuids(listing->vault, error);

	for (guint i = 0; uuids && i < uuids->len; i++)
		if (!list_guest(listing, g_ptr_array_index(uuids, i), error))
			return FALSE;
	return uuids != NULL;
}

static GPtrArray *list(VkVault *vault, const char *uuid, gboolean forgotten, GError **error)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(key_free);
	Listing listing = {.vault = vault, .forgotten = forgotten, .keys = keys};

	if (!uuid) {
		if (!list_guests(&listing, error))
			return NULL;
	} else if (vk_uuid_is_stored_form(uuid) && !list_guest(&listing, uuid, error)) {
		return NULL;
	}
	return g_steal_pointer(&keys);
}

GPtrArray *vk_catalog_list(VkVault *vault, const char *uuid, GError **error)
{
	return list(vault, uuid, FALSE, error);
}

GPtrArray *vk_catalog_list_all(VkVault *vault, const char *uuid, GError **error)
{
	return list(vault, uuid, TRUE, error);
}

GPtrArray *vk_catalog_list_of(VkVault *vault, const char *uuid, const GPtrArray *names)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func(key_free);

	if (vk_uuid_is_stored_form(uuid))
		add_listed(vault, uuid, names, keys);
	return keys;
}

GPtrArray *vk_catalog_list_names(VkVault *vault, const char *uuid, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", uuid, NULL);

	return vault->store->ops->list(vault->store, folder, error);
}

gboolean vk_catalog_has_id(const GPtrArray *keys, const char *id)
{
	for (guint i = 0; i < keys->len; i++)
		if (strcmp(((const VkSnapshotKey *)g_ptr_array_index(keys, i))->id, id) == 0)
			return TRUE;
	return FALSE;
}

gboolean vk_catalog_load_copies(VkVault *vault, VkSnapshot *snapshot, GError **error)
{
	g_autofree char *name =
		vk_snapshot_copies_object(snapshot->uuid, snapshot->time, snapshot->id);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = vk_checked_json_get(vault->store, name, &trouble);

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (!object) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (vk_snapshot_add_copies(snapshot, object, error))
		return TRUE;
	g_prefix_error(error, "'%s' cannot be used: ", name);
	return FALSE;
}

/* Of so many guests; of more it begins anew. */
#define LINKS_MAX 4096u

static VkChainLink *link_new(const char *id, guint64 number, const char *sum)
{
	VkChainLink *link = g_new0(VkChainLink, 1);

	link->id = g_strdup(id);
	link->number = number;
	link->sum = g_strdup(sum);
	return link;
}

static void remember_link(VkVault *vault, const VkSnapshot *snapshot, const char *sum)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vault->links_mutex);

	if (g_hash_table_size(vault->links) >= LINKS_MAX)
		g_hash_table_remove_all(vault->links);
	g_hash_table_insert(vault->links, g_strdup(snapshot->uuid),
			    link_new(snapshot->id, snapshot->number, sum));
}

VkSnapshot *vk_catalog_load_sum(VkVault *vault, const VkSnapshotKey *key, char **ret_sum,
				GError **error)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autofree char *sum = NULL;
	g_autoptr(json_t) object = vk_checked_json_get_sum(vault->store, name, &sum, error);
	g_autoptr(VkSnapshot) snapshot = NULL;

	if (!object)
		return NULL;
	snapshot = vk_snapshot_from_json(object, error);
	if (!snapshot) {
		g_prefix_error(error, "'%s' cannot be used: ", name);
		return NULL;
	}
	if (strcmp(snapshot->uuid, key->uuid) != 0 || strcmp(snapshot->time, key->time) != 0 ||
	    strcmp(snapshot->id, key->id) != 0) {
		vk_fail(error, VK_ERROR_DAMAGE,
			"'%s' is damaged: it holds the snapshot %s of %s at %s", name, snapshot->id,
			snapshot->uuid, snapshot->time);
		return NULL;
	}
	/* Were they damaged, the array's copies would serve still. */
	if (!vk_snapshot_is_in_vault(snapshot))
		vk_catalog_load_copies(vault, snapshot, NULL);
	remember_link(vault, snapshot, sum);
	if (ret_sum)
		*ret_sum = g_steal_pointer(&sum);
	return g_steal_pointer(&snapshot);
}

/* NULL: that snapshot was not the one that was loaded last of its guest. */
static VkChainLink *find_link(VkVault *vault, const VkSnapshotKey *key)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vault->links_mutex);
	const VkChainLink *link = g_hash_table_lookup(vault->links, key->uuid);

	return link && strcmp(link->id, key->id) == 0 ? link_new(link->id, link->number, link->sum)
						      : NULL;
}

VkChainLink *vk_catalog_load_link(VkVault *vault, const VkSnapshotKey *key)
{
	VkChainLink *link = find_link(vault, key);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autofree char *sum = NULL;

	if (link)
		return link;
	snapshot = vk_catalog_load_sum(vault, key, &sum, NULL);
	return snapshot ? link_new(snapshot->id, snapshot->number, sum) : NULL;
}

VkSnapshot *vk_catalog_load(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	return vk_catalog_load_sum(vault, key, NULL, error);
}

char *vk_catalog_name(VkVault *vault, const VkSnapshotKey *key)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, NULL);

	return snapshot ? vk_snapshot_reference(snapshot)
			: g_strdup_printf("%s@%s", key->uuid, key->time);
}

gboolean vk_catalog_stored_time(VkVault *vault, const VkSnapshotKey *key, gint64 *ret_seconds,
				GError **error)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	guint64 size;

	return vault->store->ops->head(vault->store, name, &size, ret_seconds, error);
}

gboolean vk_catalog_stamp(VkVault *vault, guint64 *ret_stamp, GError **error)
{
	return vault->store->ops->stamp(vault->store, VK_FOLDER_SNAPS, ret_stamp, error);
}
