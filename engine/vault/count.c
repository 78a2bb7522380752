/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "count.h"

#include "format.h"

/* Mapped at once: it bounds memory, and the wait for the end. */
#define STEP_SIZE ((guint64)256 * 1024 * 1024)

struct VkCount {
	VkSource *source;
	VkProgress *progress;
	GThread *thread; /* NULL: nobody looks */
	gint stop;       /* atomic */
};

/* A block that is data in part is read in whole. EXTENTS are in order and begin with a block. */
static guint64 data_of(const GArray *extents, guint64 size)
{
	guint64 bytes = 0, counted_to = 0;

	for (guint i = 0; i < extents->len; i++) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);
		guint64 from = extent->offset / VK_BLOCK_SIZE * VK_BLOCK_SIZE;
		guint64 to = (extent->offset + extent->length + VK_BLOCK_SIZE - 1) / VK_BLOCK_SIZE *
			     VK_BLOCK_SIZE;

		if (extent->kind != VK_SOURCE_DATA)
			continue;
		from = MAX(from, counted_to);
		to = MIN(to, size);
		bytes += to > from ? to - from : 0;
		counted_to = MAX(to, counted_to);
	}
	return bytes;
}

/* A source that cannot be mapped fails the save, which tells it. */
static gboolean count_step(VkCount *count, VkSourceReader *reader, guint64 *offset)
{
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	guint64 size = count->source->size;
	guint64 length;

	if (count->source->knows_changes &&
	    !reader->ops->seek_change(reader, *offset, offset, NULL))
		return FALSE;
	if (*offset >= size)
		return TRUE;
	length = MIN(STEP_SIZE, size - *offset);
	if (!reader->ops->map(reader, *offset, length, extents, NULL))
		return FALSE;
	vk_progress_expect(count->progress, data_of(extents, size));
	*offset += length;
	return TRUE;
}

static gpointer count_thread(gpointer data)
{
	VkCount *count = data;
	VkSource *source = count->source;
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, NULL);
	guint64 offset = 0;

	while (reader && offset < source->size && !g_atomic_int_get(&count->stop))
		if (!count_step(count, reader, &offset))
			return NULL;
	if (reader && offset >= source->size)
		vk_progress_await(count->progress, -1);
	return NULL;
}

VkCount *vk_count_begin(VkSource *source, VkProgress *progress)
{
	VkCount *count = g_new0(VkCount, 1);

	count->source = source;
	count->progress = progress;
	if (!vk_progress_is_drawn(progress))
		return count;
	count->thread = g_thread_new("count", count_thread, count);
	return count;
}

void vk_count_end(VkCount *count)
{
	if (count->thread) {
		g_atomic_int_set(&count->stop, 1);
		g_thread_join(count->thread);
	}
	g_free(count);
}
