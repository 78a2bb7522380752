/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image.h"

#include "errors.h"
#include "map.h"
#include "vault-priv.h"

#include <string.h>

struct VkImage {
	VkVault *vault;
	VkMap *map;
	guint64 size;
};

VkImage *vk_image_open(VkVault *vault, const VkImageRecord *record, GError **error)
{
	VkImage *image;

	if (record->size > VK_IMAGE_SIZE_MAX) {
		vk_fail(error, VK_ERROR_DAMAGE, "an image is larger than the format allows");
		return NULL;
	}
	image = g_new0(VkImage, 1);
	image->vault = vault;
	image->map = vk_map_new(vault, record->runs, vk_blocks_of_size(record->size));
	image->size = record->size;
	return image;
}

void vk_image_free(VkImage *image)
{
	if (!image)
		return;
	vk_map_free(image->map);
	g_free(image);
}

guint64 vk_image_size(const VkImage *image)
{
	return image->size;
}

/* Copies LENGTH bytes from START within the block that is in the given slot. */
static gboolean read_block(VkImage *image, const VkPackId *pack, guint32 slot, gsize start,
			   void *buf, gsize length, GError **error)
{
	g_autoptr(GBytes) bytes =
		vk_block_cache_get(image->vault->blocks, pack, slot, VK_SLOT_KIND_DATA, error);
	const guint8 *data;
	gsize size;

	if (!bytes)
		return FALSE;
	data = g_bytes_get_data(bytes, &size);
	if (start + length > size)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "a stored block is shorter than the image needs");
	memcpy(buf, data + start, length);
	return TRUE;
}

static gboolean read_extent(VkImage *image, const VkExtent *extent, guint64 offset, guint8 *buf,
			    gsize length, GError **error)
{
	if (extent->kind == VK_EXTENT_DAMAGED)
		return vk_fail(error, VK_ERROR_DAMAGE, "this part of the image is known as lost");
	if (extent->kind != VK_EXTENT_DATA) {
		memset(buf, 0, length);
		return TRUE;
	}
	while (length > 0) {
		guint32 block = (guint32)(offset >> VK_BLOCK_LOG2);
		gsize start = offset & (VK_BLOCK_SIZE - 1);
		gsize part = MIN(length, VK_BLOCK_SIZE - start);

		if (!read_block(image, &extent->pack, extent->slot + (block - extent->first), start,
				buf, part, error))
			return FALSE;
		offset += part;
		buf += part;
		length -= part;
	}
	return TRUE;
}

gboolean vk_image_read(VkImage *image, guint64 offset, void *buf, gsize length, GError **error)
{
	guint8 *out = buf;

	g_assert(offset <= image->size && length <= image->size - offset);
	while (length > 0) {
		VkExtent extent;
		gboolean present;
		guint64 end;
		gsize part;

		if (!vk_map_lookup(image->map, (guint32)(offset >> VK_BLOCK_LOG2), &extent,
				   &present, error))
			return FALSE;
		end = ((guint64)extent.first + extent.count) << VK_BLOCK_LOG2;
		part = (gsize)MIN(length, end - offset);
		if (!read_extent(image, &extent, offset, out, part, error))
			return FALSE;
		offset += part;
		out += part;
		length -= part;
	}
	return TRUE;
}

gboolean vk_image_extent(VkImage *image, guint64 offset, gboolean *ret_is_data, guint64 *ret_length,
			 GError **error)
{
	guint32 blocks = vk_blocks_of_size(image->size);
	guint32 block = (guint32)(offset >> VK_BLOCK_LOG2);
	gboolean is_data = FALSE;
	guint32 end = block;

	g_assert(offset < image->size);
	while (end < blocks) {
		VkExtent extent;
		gboolean present;
		gboolean more;

		if (!vk_map_lookup(image->map, end, &extent, &present, error))
			return FALSE;
		more = extent.kind == VK_EXTENT_DATA || extent.kind == VK_EXTENT_DAMAGED;
		if (end == block)
			is_data = more;
		else if (more != is_data)
			break;
		end += extent.count;
	}
	*ret_is_data = is_data;
	*ret_length = MIN((guint64)end << VK_BLOCK_LOG2, image->size) - offset;
	return TRUE;
}
