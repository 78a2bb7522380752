/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disk-on-array.h"

#include "catalog.h"
#include "errors.h"
#include "image-chain.h"

/* A run that has not listed by then what it took is dead. */
#define UNLISTED_AT_MOST_SEC ((gint64)7 * 24 * 60 * 60)

static GPtrArray *find_layers(VkHost *host, const VkDomainDisk *disk, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autoptr(GPtrArray) chain = vk_image_chain_new(host, disk, error);

	for (guint i = 0; chain && i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);

		if (image->encrypted) {
			vk_fail(error, VK_ERROR_FAILED,
				"its image '%s' is encrypted by QEMU, and an array would keep it "
				"so, "
				"for nobody to look into; use --mode vault",
				image->path);
			return NULL;
		}
		if (image->data_file) {
			vk_fail(error, VK_ERROR_FAILED,
				"it keeps its data in '%s', which arrays cannot take with it; use "
				"--mode vault",
				image->data_file);
			return NULL;
		}
		g_ptr_array_add(layers, vk_array_layer_new(image->path, image->format));
	}
	return chain ? g_steal_pointer(&layers) : NULL;
}

VkArrayDisk *vk_arraydisk_find(VkArrays *arrays, VkHost *host, const VkDomainDisk *disk,
			       GError **error)
{
	g_autoptr(GPtrArray) layers = find_layers(host, disk, error);

	return layers ? vk_arrays_probe(arrays, layers, error) : NULL;
}

gboolean vk_arraydisk_lies_in(VkArrays *arrays, const VkSnapshot *snapshot,
			      const VkArraySnapshot *array)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		g_autoptr(GPtrArray) others = NULL;

		if (!disk->image->array)
			continue;
		others = vk_arrays_snapshots_of(arrays, disk->image->array, NULL);
		if (!others)
			return TRUE;
		for (guint k = 0; k < others->len; k++) {
			const VkArraySnapshot *other = g_ptr_array_index(others, k);

			if (json_equal(other->handle, array->handle))
				return TRUE;
		}
	}
	return FALSE;
}

/* Whether any snapshot of any guest lies in ARRAY: all of the vault are looked through. */
static gboolean is_used(VkArrays *arrays, VkVault *vault, const VkArraySnapshot *array,
			gboolean *ret, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, NULL, error);

	*ret = FALSE;
	for (guint i = 0; keys && !*ret && i < keys->len; i++) {
		g_autoptr(VkSnapshot) snapshot =
			vk_catalog_load(vault, g_ptr_array_index(keys, i), error);

		if (!snapshot)
			return FALSE;
		*ret = vk_arraydisk_lies_in(arrays, snapshot, array);
	}
	return keys != NULL;
}

/* Whether ARRAY is of a listed snapshot, KEYS being those of the guest, or may yet become so. */
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

gboolean vk_arraydisk_settle(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
			     const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_list(arrays, disk, vk_vault_id(vault), uuid, error);
	g_autoptr(GPtrArray) keys = found ? vk_catalog_list(vault, uuid, error) : NULL;
	gboolean ok = keys != NULL;

	/* What the array does not let go keeps no other. */
	for (guint i = 0; keys && i < found->len; i++)
		ok = settle(arrays, vault, keys, g_ptr_array_index(found, i), ok ? error : NULL) &&
		     ok;
	return ok;
}

GPtrArray *vk_arraydisk_leftovers(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
				  const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_list(arrays, disk, vk_vault_id(vault), uuid, error);
	g_autoptr(GPtrArray) keys = found ? vk_catalog_list(vault, uuid, error) : NULL;

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
