/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-image.h"

#include "io.h"

/* How far one question for extents looks. */
#define EXTENT_STEP (G_GUINT64_CONSTANT(256) << 20)

typedef struct SourceImage {
	VkImage base;
	VkSource *source;
	GMutex mutex;
	GQueue idle; /* VkSourceReader; guarded by the mutex */
} SourceImage;

static VkSourceReader *take_reader(SourceImage *image, GError **error)
{
	VkSourceReader *reader;

	g_mutex_lock(&image->mutex);
	reader = g_queue_pop_head(&image->idle);
	g_mutex_unlock(&image->mutex);
	return reader ? reader : image->source->ops->open_reader(image->source, error);
}

static void give_back(SourceImage *image, VkSourceReader *reader)
{
	g_mutex_lock(&image->mutex);
	g_queue_push_head(&image->idle, reader);
	g_mutex_unlock(&image->mutex);
}

static gboolean read_with(VkSourceReader *reader, guint64 offset, guint8 *buf, gsize length,
			  GError **error)
{
	while (length > 0) {
		gsize part = MIN(length, VK_SOURCE_READ_MAX);

		if (!reader->ops->submit(reader, offset, part, buf, error) ||
		    !reader->ops->complete(reader, error))
			return FALSE;
		offset += part;
		buf += part;
		length -= part;
	}
	return TRUE;
}

/* A reader that failed is not used again. */
static gboolean source_read(VkImage *base, guint64 offset, void *buf, gsize length, GError **error)
{
	SourceImage *image = (SourceImage *)base;
	g_autoptr(VkSourceReader) reader = take_reader(image, error);

	if (!reader || !read_with(reader, offset, buf, length, error))
		return FALSE;
	give_back(image, g_steal_pointer(&reader));
	return TRUE;
}

static gboolean source_extent(VkImage *base, guint64 offset, gboolean *ret_is_data,
			      guint64 *ret_length, GError **error)
{
	SourceImage *image = (SourceImage *)base;
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	g_autoptr(VkSourceReader) reader = take_reader(image, error);

	if (!reader || !reader->ops->map(reader, offset, MIN(EXTENT_STEP, base->size - offset),
					 extents, error))
		return FALSE;
	*ret_length = 0;
	*ret_is_data = g_array_index(extents, VkSourceExtent, 0).kind == VK_SOURCE_DATA;
	for (guint i = 0; i < extents->len; i++) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);

		if ((extent->kind == VK_SOURCE_DATA) != *ret_is_data)
			break;
		*ret_length += extent->length;
	}
	give_back(image, g_steal_pointer(&reader));
	return TRUE;
}

static void source_image_free(VkImage *base)
{
	SourceImage *image = (SourceImage *)base;
	VkSourceReader *reader;

	while ((reader = g_queue_pop_head(&image->idle)))
		vk_source_reader_free(reader);
	vk_source_free(image->source);
	vk_io_clear_fd(&base->fd);
	g_mutex_clear(&image->mutex);
	g_free(image);
}

static const VkImageOps source_image_ops = {
	.read = source_read,
	.extent = source_extent,
	.free = source_image_free,
};

VkImage *vk_source_image_new(VkSource *source, int fd)
{
	SourceImage *image = g_new0(SourceImage, 1);

	image->base = (VkImage){.ops = &source_image_ops, .size = source->size, .fd = fd};
	image->source = source;
	g_mutex_init(&image->mutex);
	g_queue_init(&image->idle);
	return &image->base;
}
