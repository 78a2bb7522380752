/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "partition-image.h"

typedef struct PartitionImage {
	VkImage base;
	VkImage *disk;
	guint64 start; /* bytes */
} PartitionImage;

static gboolean partition_read(VkImage *base, guint64 offset, void *buf, gsize length,
			       GError **error)
{
	const PartitionImage *image = (PartitionImage *)base;

	return vk_image_read(image->disk, image->start + offset, buf, length, error);
}

static gboolean partition_extent(VkImage *base, guint64 offset, gboolean *ret_is_data,
				 guint64 *ret_length, GError **error)
{
	const PartitionImage *image = (PartitionImage *)base;

	if (!vk_image_extent(image->disk, image->start + offset, ret_is_data, ret_length, error))
		return FALSE;
	*ret_length = MIN(*ret_length, base->size - offset);
	return TRUE;
}

static void partition_free(VkImage *base)
{
	PartitionImage *image = (PartitionImage *)base;

	vk_image_free(image->disk);
	g_free(image);
}

static const VkImageOps partition_ops = {
	.read = partition_read,
	.extent = partition_extent,
	.free = partition_free,
};

VkImage *vk_partition_image_new(VkImage *disk, guint64 start, guint64 size)
{
	PartitionImage *image = g_new0(PartitionImage, 1);

	g_assert(start <= disk->size && size <= disk->size - start);
	/* A descriptor of the disk has the bytes elsewhere. */
	image->base = (VkImage){.ops = &partition_ops, .size = size, .fd = -1};
	image->disk = disk;
	image->start = start;
	return &image->base;
}
