/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "array-leftovers.h"

#include "catalog.h"
#include "disk-on-array.h"
#include "errors.h"
#include "timestamp.h"

#include <string.h>

/* A run that has not listed by then what it took is dead. */
#define UNLISTED_AT_MOST_SEC (7 * VK_DAY_SEC)

/*
 * Between the snapshot of an array and the instant of a guest that lies in it a run waits for other
 * guests: minutes, never so long.
 */
#define RUN_AT_MOST_SEC VK_DAY_SEC

/* Who needs an array snapshot. */
typedef enum {
	NOBODY,
	HIDDEN, /* a forgotten snapshot, which may be listed again */
	LISTED,
} Need;

static Need need_of(const VkSnapshotKey *key)
{
	if (!key->forgotten)
		return LISTED;
	return key->expired ? NOBODY : HIDDEN;
}

/* By the dates that a run gave to both. One that has no date may be of any run. */
static gboolean is_of_run(const VkSnapshotKey *key, const VkArraySnapshot *array)
{
	gint64 seconds;

	return array->time == 0 || !vk_time_parse(key->time, &seconds, NULL) ||
	       ABS(seconds - array->time) <= RUN_AT_MOST_SEC;
}

/* *RET grows to what KEY needs of ARRAY. One that was just removed needs nothing. */
static gboolean add_need(VkArrays *arrays, VkVault *vault, const VkSnapshotKey *key,
			 const VkArraySnapshot *array, Need *ret, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, &trouble);

	if (snapshot && vk_array_disk_lies_in(arrays, snapshot, array))
		*ret = MAX(*ret, need_of(key));
	if (snapshot || g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

/* Of the snapshots of all guests. */
static gboolean need_of_all(VkArrays *arrays, VkVault *vault, const VkArraySnapshot *array,
			    Need *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);

	*ret = NOBODY;
	for (guint i = 0; keys && *ret != LISTED && i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);

		if (need_of(key) > *ret && is_of_run(key, array) &&
		    !add_need(arrays, vault, key, array, ret, error))
			return FALSE;
	}
	return keys != NULL;
}

/* KEYS: of the guest. One without the mark was listed once. */
static gboolean find_need(VkArrays *arrays, VkVault *vault, const GPtrArray *keys,
			  const VkArraySnapshot *array, Need *ret, GError **error)
{
	if (!array->id && array->is_unlisted)
		return need_of_all(arrays, vault, array, ret, error);
	*ret = array->id ? NOBODY : LISTED;
	for (guint i = 0; array->id && i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);

		if (strcmp(key->id, array->id) == 0)
			*ret = need_of(key);
	}
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
	Need need;

	if (!array->is_unlisted || !is_settled(array))
		return TRUE;
	if (!find_need(arrays, vault, keys, array, &need, error))
		return FALSE;
	if (need == LISTED)
		return vk_arrays_set_listed(arrays, array, TRUE, error);
	return need == HIDDEN || vk_arrays_remove(arrays, array, error);
}

static gboolean mark_copy(VkArrays *arrays, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(arrays, copy, error);

	for (guint i = 0; found && i < found->len; i++) {
		g_autoptr(GError) trouble = NULL;

		if (vk_arrays_set_listed(arrays, g_ptr_array_index(found, i), FALSE, &trouble) ||
		    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return found != NULL;
}

gboolean vk_array_leftovers_mark(VkArrays *arrays, const VkSnapshot *snapshot, GError **error)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->image->array && !mark_copy(arrays, disk->image->array, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_array_leftovers_settle_copies(VkArrays *arrays, VkVault *vault,
					  const VkSnapshot *snapshot, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, snapshot->uuid, error);

	if (keys && vk_catalog_has_id(keys, snapshot->id))
		return TRUE;
	for (guint i = 0; keys && i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		g_autoptr(GPtrArray) found =
			disk->image->array
				? vk_arrays_snapshots_of(arrays, disk->image->array, error)
				: g_ptr_array_new();

		for (guint j = 0; found && j < found->len; j++) {
			VkArraySnapshot *array = g_ptr_array_index(found, j);

			array->is_unlisted = TRUE;
			if (!settle(arrays, vault, keys, array, error))
				return FALSE;
		}
		if (!found)
			return FALSE;
	}
	return keys != NULL;
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
		Need need = LISTED;

		if (is_settled(array) && !find_need(arrays, vault, keys, array, &need, error))
			return NULL;
		if (need != NOBODY)
			g_ptr_array_remove_index(found, i - 1);
	}
	return keys ? g_steal_pointer(&found) : NULL;
}
