/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-image.h"

#include "errors.h"

#include <string.h>

static gboolean memory_read(VkImage *base, guint64 offset, void *buf, gsize length, GError **error)
{
	MemoryImage *image = (MemoryImage *)base;

	image->reads += length;
	if (offset < image->damaged_until && offset + length > image->damaged_from)
		return vk_fail(error, (VkErrorCode)image->damage, "a damaged block");
	memcpy(buf, image->bytes + offset, length);
	return TRUE;
}

/* Blocks of 4096 bytes: zeros are a hole. */
static gboolean memory_extent(VkImage *base, guint64 offset, gboolean *ret_is_data,
			      guint64 *ret_length, GError **error)
{
	const MemoryImage *image = (MemoryImage *)base;

	*ret_length = MIN(4096 - offset % 4096, base->size - offset);
	*ret_is_data = FALSE;
	for (guint64 i = offset; i < offset + *ret_length; i++)
		*ret_is_data = *ret_is_data || image->bytes[i] != 0;
	return TRUE;
}

static void memory_free(VkImage *base)
{
	MemoryImage *image = (MemoryImage *)base;

	g_free(image->bytes);
	g_free(image);
}

static const VkImageOps memory_ops = {
	.read = memory_read,
	.extent = memory_extent,
	.free = memory_free,
};

MemoryImage *memory_image_new(guint64 size)
{
	MemoryImage *image = g_new0(MemoryImage, 1);

	image->base = (VkImage){.ops = &memory_ops, .size = size, .fd = -1};
	image->bytes = g_malloc0(size);
	image->damage = VK_ERROR_DAMAGE;
	return image;
}
