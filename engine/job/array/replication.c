/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replication.h"

#include "catalog.h"
#include "errors.h"
#include "json.h"
#include "interrupt.h"

#include <string.h>

/* The array snapshots of a copy, in one text: copies that have the same need one transfer. */
static char *snapshots_key(VkArrays *arrays, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(arrays, copy, error);
	g_autoptr(GString) key = g_string_new(NULL);

	if (!found)
		return NULL;
	for (guint i = 0; i < found->len; i++) {
		const VkArraySnapshot *snapshot = g_ptr_array_index(found, i);
		g_autofree char *line = vk_json_line(snapshot->handle);

		g_string_append_printf(key, "%s %s\n", snapshot->array, line);
	}
	return g_string_free(g_steal_pointer(&key), FALSE);
}

gboolean vk_replicate(VkArrays *arrays, const VkSnapshot *snapshot, guint wait_sec, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		char *key;

		if (!disk->image->array)
			continue;
		key = snapshots_key(arrays, disk->image->array, error);
		if (!key)
			return FALSE;
		if (g_hash_table_add(seen, key) &&
		    !vk_arrays_replicate(arrays, disk->image->array, wait_sec, error)) {
			g_prefix_error(error, "disk '%s': ", disk->target);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean is_known(const GPtrArray *list, const VkReplication *one)
{
	for (guint i = 0; i < list->len; i++) {
		const VkReplication *other = g_ptr_array_index(list, i);

		if (strcmp(other->array, one->array) == 0 &&
		    strcmp(other->source, one->source) == 0 &&
		    g_strcmp0(other->destination, one->destination) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean add_copy(GPtrArray *list, VkArrays *arrays, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_replications(arrays, copy, error);

	while (found && found->len > 0) {
		VkReplication *one = g_ptr_array_steal_index(found, 0);

		if (is_known(list, one))
			vk_replication_free(one);
		else
			g_ptr_array_add(list, one);
	}
	return found != NULL;
}

/* The newest snapshot of the guest that an array took; NULL: there is none. */
static VkSnapshot *find_newest(VkVault *vault, const VkCatalogGuest *guest)
{
	for (guint i = guest->keys->len; i > 0 && !vk_interrupted(); i--) {
		g_autoptr(VkSnapshot) snapshot =
			vk_catalog_load(vault, g_ptr_array_index(guest->keys, i - 1), NULL);

		if (snapshot && vk_snapshot_is_on_array(snapshot))
			return g_steal_pointer(&snapshot);
	}
	return NULL;
}

static gboolean add_guest(GPtrArray *list, VkVault *vault, VkArrays *arrays,
			  const VkCatalogGuest *guest, GError **error)
{
	g_autoptr(VkSnapshot) newest = find_newest(vault, guest);

	for (guint i = 0; newest && i < newest->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(newest->disks, i);

		if (!disk->image->array || add_copy(list, arrays, disk->image->array, error))
			continue;
		g_prefix_error(error, "guest '%s', disk '%s': ", guest->name, disk->target);
		return FALSE;
	}
	return TRUE;
}

static gboolean is_guest(const VkCatalogGuest *guest, const char *name)
{
	return strcmp(guest->name, name) == 0 || strcmp(guest->view_name, name) == 0 ||
	       g_ascii_strcasecmp(guest->uuid, name) == 0;
}

static gboolean is_wanted(const VkCatalogGuest *guest, char *const *names)
{
	gboolean found = !names || !names[0];

	for (char *const *name = names; !found && name && *name; name++)
		found = is_guest(guest, *name);
	return found;
}

static gboolean check_names(const GPtrArray *guests, char *const *names, GError **error)
{
	for (char *const *name = names; name && *name; name++) {
		gboolean found = FALSE;

		for (guint i = 0; !found && i < guests->len; i++)
			found = is_guest(g_ptr_array_index(guests, i), *name);
		if (!found)
			return vk_fail(error, VK_ERROR_NOT_FOUND,
				       "the vault has no snapshot of a guest '%s'; 'virtkeep list' "
				       "shows what it has",
				       *name);
	}
	return TRUE;
}

GPtrArray *vk_replication_list(VkVault *vault, VkArrays *arrays, char *const *names, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(vault, error);
	g_autoptr(GPtrArray) list =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_replication_free);

	if (!guests || !check_names(guests, names, error))
		return NULL;
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		if (vk_interrupted()) {
			vk_fail_interrupted(error);
			return NULL;
		}
		if (is_wanted(guest, names) && !add_guest(list, vault, arrays, guest, error))
			return NULL;
	}
	return g_steal_pointer(&list);
}
