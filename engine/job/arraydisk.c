/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arraydisk.h"

#include "catalog.h"
#include "errors.h"
#include "offline.h"
#include "qemu-image.h"

static GPtrArray *find_layers(VkHost *host, const VkDomainDisk *disk, GError **error)
{
	g_autofree char *path = vk_offline_image_path(host, disk->image, error);
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autoptr(GPtrArray) chain = NULL;
	g_autoptr(GPtrArray) data_files = NULL;

	if (!path)
		return NULL;
	g_ptr_array_add(layers, vk_array_layer_new(path, vk_qemu_format(disk->image->format)));
	chain = vk_image_backing_chain(path, disk->image->format, &data_files, error);
	if (chain && data_files->len > 0) {
		vk_fail(error, VK_ERROR_FAILED,
			"it keeps its data in '%s', which arrays cannot take with it; use --mode "
			"vault",
			(char *)g_ptr_array_index(data_files, 0));
		return NULL;
	}
	for (guint i = 0; chain && i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);

		if (!image->path) {
			g_autofree char *label = vk_domain_image_label(image);

			vk_fail(error, VK_ERROR_FAILED, "its backing file '%s' is no local file",
				label);
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

static gboolean is_listed(const GPtrArray *keys, const char *id)
{
	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);

		if (g_strcmp0(key->id, id) == 0)
			return TRUE;
	}
	return FALSE;
}

gboolean vk_arraydisk_settle(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
			     const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_list(arrays, disk, vk_vault_id(vault), uuid, error);
	g_autoptr(GPtrArray) keys = found ? vk_catalog_list(vault, uuid, error) : NULL;

	for (guint i = 0; keys && i < found->len; i++) {
		const VkArraySnapshot *snapshot = g_ptr_array_index(found, i);

		if (!snapshot->is_unlisted || !snapshot->id)
			continue;
		if (is_listed(keys, snapshot->id) ? !vk_arrays_mark_listed(arrays, snapshot, error)
						  : !vk_arrays_remove(arrays, snapshot, error))
			return FALSE;
	}
	return keys != NULL;
}

GPtrArray *vk_arraydisk_strays(VkArrays *arrays, const VkArrayDisk *disk, VkVault *vault,
			       const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) found = vk_arrays_list(arrays, disk, vk_vault_id(vault), uuid, error);
	g_autoptr(GPtrArray) keys = found ? vk_catalog_list(vault, uuid, error) : NULL;

	for (guint i = keys ? found->len : 0; i > 0; i--) {
		const VkArraySnapshot *snapshot = g_ptr_array_index(found, i - 1);

		if (!snapshot->id || is_listed(keys, snapshot->id))
			g_ptr_array_remove_index(found, i - 1);
	}
	return keys ? g_steal_pointer(&found) : NULL;
}
