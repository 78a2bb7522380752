/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-image.h"

#include "errors.h"
#include "map.h"
#include "vault-parts.h"

#include <string.h>

typedef struct VaultImage {
	VkImage base;
	VkVault *vault;
	VkMap *map;
} VaultImage;

/* Copies LENGTH bytes from START within the block that is in the given slot. */
static gboolean read_part(const VaultImage *image, const VkPackId *pack, guint32 slot, gsize start,
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

static gboolean read_extent(const VaultImage *image, const VkExtent *extent, guint64 offset,
			    guint8 *buf, gsize length, GError **error)
{
	if (extent->kind == VK_EXTENT_DAMAGED)
		return vk_fail(error, VK_ERROR_DAMAGE, "this part of the image is known as lost");
	if (extent->kind != VK_EXTENT_DATA) {
		memset(buf, 0, length);
		return TRUE;
	}
	while (length > 0) {
		guint32 slot = extent->slot + ((guint32)(offset >> VK_BLOCK_LOG2) - extent->first);
		gsize start = offset & (VK_BLOCK_SIZE - 1);
		guint32 blocks = start == 0 ? (guint32)(length >> VK_BLOCK_LOG2) : 0;
		gsize part = blocks > 0 ? (gsize)blocks << VK_BLOCK_LOG2
					: MIN(length, VK_BLOCK_SIZE - start);

		if (!(blocks > 0 ? vk_block_cache_read(image->vault->blocks, &extent->pack, slot,
						       blocks, buf, error)
				 : read_part(image, &extent->pack, slot, start, buf, part, error)))
			return FALSE;
		offset += part;
		buf += part;
		length -= part;
	}
	return TRUE;
}

static gboolean vault_read(VkImage *base, guint64 offset, void *buf, gsize length, GError **error)
{
	const VaultImage *image = (VaultImage *)base;
	guint8 *out = buf;

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

/* Neighbours of one sort are one extent. */
static gboolean vault_extent(VkImage *base, guint64 offset, gboolean *ret_is_data,
			     guint64 *ret_length, GError **error)
{
	const VaultImage *image = (VaultImage *)base;
	guint32 blocks = vk_blocks_of_size(base->size);
	guint32 block = (guint32)(offset >> VK_BLOCK_LOG2);
	gboolean is_data = FALSE;
	guint32 end = block;

	while (end < blocks) {
		g_autoptr(GError) trouble = NULL;
		VkExtent extent;
		gboolean present;
		gboolean more;

		if (!vk_map_lookup(image->map, end, &extent, &present, &trouble)) {
			/* What comes before a damaged page of the map is known. */
			if (end > block)
				break;
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		more = extent.kind == VK_EXTENT_DATA || extent.kind == VK_EXTENT_DAMAGED;
		if (end == block)
			is_data = more;
		else if (more != is_data)
			break;
		end += extent.count;
	}
	*ret_is_data = is_data;
	*ret_length = MIN((guint64)end << VK_BLOCK_LOG2, base->size) - offset;
	return TRUE;
}

static void vault_free(VkImage *base)
{
	VaultImage *image = (VaultImage *)base;

	vk_map_free(image->map);
	g_free(image);
}

static const VkImageOps vault_ops = {
	.read = vault_read,
	.extent = vault_extent,
	.free = vault_free,
};

VkImage *vk_vault_image_open(VkVault *vault, const VkImageRecord *record, GError **error)
{
	VaultImage *image;

	if (record->size > VK_IMAGE_SIZE_MAX) {
		vk_fail(error, VK_ERROR_DAMAGE, "an image is larger than the format allows");
		return NULL;
	}
	image = g_new0(VaultImage, 1);
	image->base = (VkImage){.ops = &vault_ops, .size = record->size, .fd = -1};
	image->vault = vault;
	image->map = vk_map_new(vault->blocks, record->runs, vk_blocks_of_size(record->size));
	return &image->base;
}
