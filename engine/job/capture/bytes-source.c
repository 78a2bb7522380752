/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes-source.h"

#include <string.h>

typedef struct {
	VkSource source;
	GBytes *content;
} BytesSource;

typedef struct {
	VkSourceReader reader;
	GBytes *content;
} BytesReader;

static gboolean bytes_map(VkSourceReader *reader, guint64 offset, guint64 length, GArray *extents,
			  GError **error)
{
	const VkSourceExtent extent = {offset, length, VK_SOURCE_DATA};

	if (length > 0)
		g_array_append_val(extents, extent);
	return TRUE;
}

static gboolean bytes_submit(VkSourceReader *reader, guint64 offset, gsize length, void *buf,
			     GError **error)
{
	gsize size;
	const guint8 *content = g_bytes_get_data(((BytesReader *)reader)->content, &size);

	g_assert(offset <= size && length <= size - offset);
	memcpy(buf, content + offset, length);
	return TRUE;
}

static gboolean bytes_complete(VkSourceReader *reader, GError **error)
{
	return TRUE;
}

static void bytes_reader_free(VkSourceReader *reader)
{
	g_bytes_unref(((BytesReader *)reader)->content);
	g_free(reader);
}

static VkSourceReader *bytes_open_reader(VkSource *source, GError **error)
{
	static const VkSourceReaderOps ops = {
		.map = bytes_map,
		.submit = bytes_submit,
		.complete = bytes_complete,
		.free = bytes_reader_free,
	};
	BytesReader *reader = g_new0(BytesReader, 1);

	reader->reader.ops = &ops;
	reader->content = g_bytes_ref(((BytesSource *)source)->content);
	return &reader->reader;
}

static void bytes_free(VkSource *source)
{
	g_bytes_unref(((BytesSource *)source)->content);
	g_free(source);
}

VkSource *vk_source_bytes_new(GBytes *content)
{
	static const VkSourceOps ops = {bytes_open_reader, bytes_free};
	BytesSource *source = g_new0(BytesSource, 1);

	source->source.ops = &ops;
	source->source.size = g_bytes_get_size(content);
	source->content = g_bytes_ref(content);
	return &source->source;
}
