/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disk-on-array.h"

#include "errors.h"
#include "image-chain.h"

static GPtrArray *find_layers(VkHost *host, const VkDomainDisk *disk, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autoptr(GPtrArray) chain = vk_image_chain_new(host, disk, error);

	for (guint i = 0; chain && i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);

		if (image->encrypted) {
			vk_fail(error, VK_ERROR_FAILED,
				"its image '%s' is encrypted by QEMU, and its copy on an array "
				"could not be read; use --mode vault",
				image->path);
			return NULL;
		}
		if (image->data_file) {
			vk_fail(error, VK_ERROR_FAILED,
				"it keeps its data in '%s', which an array's snapshot would not "
				"include; use --mode vault",
				image->data_file);
			return NULL;
		}
		g_ptr_array_add(layers, vk_array_layer_new(image->path, image->format));
	}
	return chain ? g_steal_pointer(&layers) : NULL;
}

VkArrayDisk *vk_array_disk_find(VkArrays *arrays, VkHost *host, const VkDomainDisk *disk,
				GError **error)
{
	g_autoptr(GPtrArray) layers = find_layers(host, disk, error);

	return layers ? vk_arrays_probe(arrays, layers, error) : NULL;
}

gboolean vk_array_disk_lies_in(VkArrays *arrays, const VkSnapshot *snapshot,
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
