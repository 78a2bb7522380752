/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "array-leftovers.h"

#include "catalog.h"
#include "disk-on-array.h"
#include "timestamp.h"

/* A run that has not listed by then what it took is dead. */
#define UNLISTED_AT_MOST_SEC (7 * VK_DAY_SEC)

/*
 * Whether any snapshot of any guest lies in ARRAY: all of the vault are looked through. A forgotten
 * one counts, for it may be listed again.
 */
static gboolean is_used(VkArrays *arrays, VkVault *vault, const VkArraySnapshot *array,
			gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);

	*ret = FALSE;
	for (guint i = 0; keys && !*ret && i < keys->len; i++) {
		g_autoptr(VkSnapshot) snapshot =
			vk_catalog_load(vault, g_ptr_array_index(keys, i), error);

		if (!snapshot)
			return FALSE;
		*ret = vk_array_disk_lies_in(arrays, snapshot, array);
	}
	return keys != NULL;
}

/* Whether ARRAY is of a snapshot of the catalogue, KEYS being those of the guest, or may yet become
 * so. */
static gboolean is_needed(VkArrays *arrays, VkVault *vault, const GPtrArray *keys,
			  const VkArraySnapshot *array, gboolean *ret, GError **error)
{
	if (array->id)
		*ret = vk_catalog_has_id(keys, array->id);
	else if (!array->is_unlisted)
		*ret = TRUE;
	else
		return is_used(arrays, vault, array, ret, error);
	return TRUE;
}

/* Another host's run may be at work on what guests share. */
static gboolean is_settled(const VkArraySnapshot *array)
{
	return array->id || (array->time && g_get_real_time() / G_USEC_PER_SEC - array->time >
						    UNLISTED_AT_MOST_SEC);
}

static gboolean settle(VkArrays *arrays, VkVault *vault, const GPtrArray *keys,
		       const VkArraySnapshot *array, GError **error)
{
	gboolean needed = FALSE;

	if (!array->is_unlisted || !is_settled(array))
		return TRUE;
	if (!is_needed(arrays, vault, keys, array, &needed, error))
		return FALSE;
	return needed ? vk_arrays_set_listed(arrays, array, TRUE, error)
		      : vk_arrays_remove(arrays, array, error);
}

gboolean vk_array_leftovers_settle(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
				   const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_list(arrays, disk, vk_vault_id(vault), uuid, error);
	g_autoptr(GPtrArray) keys = found ? vk_catalog_list_all(vault, uuid, error) : NULL;
	gboolean ok = keys != NULL;

	/* What the array does not let go keeps no other. */
	for (guint i = 0; keys && i < found->len; i++)
		ok = settle(arrays, vault, keys, g_ptr_array_index(found, i), ok ? error : NULL) &&
		     ok;
	return ok;
}

GPtrArray *vk_array_leftovers_list(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
				   const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_list(arrays, disk, vk_vault_id(vault), uuid, error);
	g_autoptr(GPtrArray) keys = found ? vk_catalog_list_all(vault, uuid, error) : NULL;

	for (guint i = keys ? found->len : 0; i > 0; i--) {
		const VkArraySnapshot *array = g_ptr_array_index(found, i - 1);
		gboolean needed = !is_settled(array);

		if (!needed && !is_needed(arrays, vault, keys, array, &needed, error))
			return NULL;
		if (needed)
			g_ptr_array_remove_index(found, i - 1);
	}
	return keys ? g_steal_pointer(&found) : NULL;
}
