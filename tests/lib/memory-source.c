/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-source.h"

#include "errors.h"

#include <string.h>

#define BLOCK_SIZE 65536u

typedef struct MemReader {
	VkSourceReader base;
	MemSource *source;
	guint under_way;
} MemReader;

static guint64 units_of(guint64 size)
{
	return (size + MEM_UNIT - 1) / MEM_UNIT;
}

static gboolean mem_map(VkSourceReader *base, guint64 offset, guint64 length, GArray *extents,
			GError **error)
{
	MemReader *reader = (MemReader *)base;
	guint64 end = offset + length;

	while (offset < end) {
		guint64 next = MIN((offset / MEM_UNIT + 1) * MEM_UNIT, end);
		VkSourceExtent extent = {
			.offset = offset,
			.length = next - offset,
			.kind = (VkSourceKind)reader->source->kinds[offset / MEM_UNIT],
		};

		if (reader->source->changed &&
		    !reader->source->changed[offset / VK_SOURCE_CHANGE_UNIT])
			extent.kind = VK_SOURCE_SAME;

		g_array_append_val(extents, extent);
		offset = next;
	}
	return TRUE;
}

static gboolean mem_seek_change(VkSourceReader *base, guint64 offset, guint64 *ret, GError **error)
{
	const MemSource *source = ((MemReader *)base)->source;
	guint64 at = offset;

	while (at < source->base.size && !source->changed[at / VK_SOURCE_CHANGE_UNIT])
		at = (at / VK_SOURCE_CHANGE_UNIT + 1) * VK_SOURCE_CHANGE_UNIT;
	*ret = MIN(at, source->base.size);
	return TRUE;
}

static gboolean mem_submit(VkSourceReader *base, guint64 offset, gsize length, void *buf,
			   GError **error)
{
	MemReader *reader = (MemReader *)base;

	g_assert(reader->under_way++ < VK_SOURCE_DEPTH);
	g_assert(length <= VK_SOURCE_READ_MAX && offset + length <= reader->source->base.size);
	memcpy(buf, reader->source->bytes + offset, length);
	return TRUE;
}

static gboolean mem_complete(VkSourceReader *base, GError **error)
{
	MemReader *reader = (MemReader *)base;

	g_assert(reader->under_way-- > 0);
	if (reader->source->fail_after >= 0 && reader->source->fail_after-- == 0)
		return vk_fail(error, VK_ERROR_CHANGED, "the source went away");
	return TRUE;
}

static void mem_reader_free(VkSourceReader *reader)
{
	g_free(reader);
}

static const VkSourceReaderOps mem_reader_ops = {
	.map = mem_map,
	.submit = mem_submit,
	.complete = mem_complete,
	.seek_change = mem_seek_change,
	.free = mem_reader_free,
};

static VkSourceReader *mem_open_reader(VkSource *source, GError **error)
{
	MemReader *reader = g_new0(MemReader, 1);

	reader->base.ops = &mem_reader_ops;
	reader->source = (MemSource *)source;
	return &reader->base;
}

static void mem_free(VkSource *base)
{
	MemSource *source = (MemSource *)base;

	g_free(source->bytes);
	g_free(source->kinds);
	g_free(source->changed);
	g_free(source);
}

static const VkSourceOps mem_ops = {mem_open_reader, mem_free};

MemSource *mem_source_new(guint64 size)
{
	MemSource *source = g_new0(MemSource, 1);

	source->base.ops = &mem_ops;
	source->base.size = size;
	source->bytes = g_malloc0(MAX(size, 1));
	source->kinds = g_malloc(MAX(units_of(size), 1));
	memset(source->kinds, VK_SOURCE_HOLE, units_of(size));
	source->fail_after = -1;
	return source;
}

MemSource *mem_source_of_blocks(const char *content)
{
	MemSource *source = mem_source_new(strlen(content) * BLOCK_SIZE);

	for (gsize i = 0; content[i]; i++) {
		if (content[i] == '.')
			continue;
		memset(source->bytes + i * BLOCK_SIZE, content[i], BLOCK_SIZE);
		memset(source->kinds + i * (BLOCK_SIZE / MEM_UNIT), VK_SOURCE_DATA,
		       BLOCK_SIZE / MEM_UNIT);
	}
	return source;
}

static void fill(guint8 *bytes, gsize length, GRand *random, gboolean compressible)
{
	for (gsize i = 0; i < length; i++)
		bytes[i] = compressible ? (guint8)(g_rand_int(random) & 0x03)
					: (guint8)g_rand_int(random);
}

void mem_source_scribble(MemSource *source, GRand *random, guint times, guint units_max)
{
	guint64 units = units_of(source->base.size);

	for (guint i = 0; i < times && units > 0; i++) {
		guint64 first = (guint64)g_rand_int_range(random, 0, (gint32)units);
		guint64 wanted = (guint64)g_rand_int_range(random, 1, (gint32)units_max + 1);
		guint64 count = MIN(wanted, units - first);
		guint8 *bytes = source->bytes + first * MEM_UNIT;
		gsize length = (gsize)(MIN((first + count) * MEM_UNIT, source->base.size) -
				       first * MEM_UNIT);
		gint what = g_rand_int_range(random, 0, 10);

		memset(bytes, 0, length);
		memset(source->kinds + first, VK_SOURCE_DATA, count);
		if (what < 7) {
			/* Mostly zeros, so that scribbling many megabytes stays quick. */
			for (guint64 unit = 0; unit < count; unit++)
				fill(bytes + unit * MEM_UNIT, MIN(64, length - unit * MEM_UNIT),
				     random, what < 4);
		} else if (what < 9) {
			memset(source->kinds + first, what < 8 ? VK_SOURCE_ZERO : VK_SOURCE_HOLE,
			       count);
		}
	}
}

void mem_source_track(MemSource *source, const MemSource *earlier, GRand *random)
{
	guint64 size = source->base.size;
	guint64 units = (size + VK_SOURCE_CHANGE_UNIT - 1) / VK_SOURCE_CHANGE_UNIT;

	g_assert(earlier->base.size == size);
	source->base.knows_changes = TRUE;
	g_free(source->changed);
	source->changed = g_malloc0(MAX(units, 1));
	for (guint64 i = 0; i < units; i++) {
		guint64 at = i * VK_SOURCE_CHANGE_UNIT;
		gsize length = (gsize)MIN(VK_SOURCE_CHANGE_UNIT, size - at);

		source->changed[i] = memcmp(source->bytes + at, earlier->bytes + at, length) != 0 ||
				     g_rand_int_range(random, 0, 50) == 0;
	}
}

MemSource *mem_source_resized(const MemSource *source, guint64 size)
{
	MemSource *copy = mem_source_new(size);
	guint64 kept = MIN(size, source->base.size);

	memcpy(copy->bytes, source->bytes, kept);
	memcpy(copy->kinds, source->kinds, units_of(kept));
	return copy;
}
