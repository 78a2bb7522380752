/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkImage: a snapshot's disk, to be read back through a table of calls, wherever its bytes lie. The
 * mount and the restore read images and do not know whether a vault or an array serves them.
 * Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkImage VkImage;

typedef struct VkImageOps {
	gboolean (*read)(VkImage *image, guint64 offset, void *buf, gsize length, GError **error);
	gboolean (*extent)(VkImage *image, guint64 offset, gboolean *ret_is_data,
			   guint64 *ret_length, GError **error);
	void (*free)(VkImage *image);
} VkImageOps;

/* Implementations embed it as their first member. */
struct VkImage {
	const VkImageOps *ops;
	guint64 size; /* bytes */
	int fd;       /* a file whose bytes are those of the image, until the free; -1: none */
};

/*
 * Reads exactly LENGTH bytes. The range must lie within the image. VK_ERROR_DAMAGE for what does
 * not match its checksum; the rest stays readable.
 */
static inline gboolean vk_image_read(VkImage *image, guint64 offset, void *buf, gsize length,
				     GError **error)
{
	g_assert(offset <= image->size && length <= image->size - offset);
	return image->ops->read(image, offset, buf, length, error);
}

/*
 * What starts at OFFSET (< size): *RET_IS_DATA, and how far it reaches in *RET_LENGTH (>= 1,
 * ending at most at the image's end).
 */
static inline gboolean vk_image_extent(VkImage *image, guint64 offset, gboolean *ret_is_data,
				       guint64 *ret_length, GError **error)
{
	g_assert(offset < image->size);
	return image->ops->extent(image, offset, ret_is_data, ret_length, error);
}

static inline void vk_image_free(VkImage *image)
{
	if (image)
		image->ops->free(image);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkImage, vk_image_free)
