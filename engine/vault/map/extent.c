/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "extent.h"

#include "pack-id.h"

gboolean vk_extent_continues(const VkExtent *extent, const VkExtent *next)
{
	if (extent->count == 0 || extent->kind != next->kind ||
	    extent->first + extent->count != next->first ||
	    next->count > VK_EXTENT_BLOCKS_MAX - extent->count)
		return FALSE;
	return extent->kind != VK_EXTENT_DATA || (extent->slot + extent->count == next->slot &&
						  vk_pack_id_equal(&extent->pack, &next->pack));
}

guint32 vk_blocks_of_size(guint64 size)
{
	g_assert(size <= VK_IMAGE_SIZE_MAX);
	return (guint32)((size + VK_BLOCK_SIZE - 1) >> VK_BLOCK_LOG2);
}
