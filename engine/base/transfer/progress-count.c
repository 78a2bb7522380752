/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "progress-count.h"

/* Mapped at once: it bounds memory, and the wait for the end. */
#define STEP_SIZE ((guint64)256 * 1024 * 1024)

struct VkCount {
	VkSource *source; /* or ... */
	VkImage *image;   /* ... NULL */
	VkProgress *progress;
	GThread *thread; /* NULL: no progress is drawn */
	gint stop;       /* atomic */
	/* Of the thread, until it is joined: */
	guint64 expected; /* bytes added to the total */
	gboolean is_done; /* it is awaited no more */
};

static void expect(VkCount *count, guint64 bytes)
{
	count->expected += bytes;
	vk_progress_expect(count->progress, bytes);
}

static void finish(VkCount *count)
{
	count->is_done = TRUE;
	vk_progress_await(count->progress, -1);
}

/* A unit that is data in part is read in whole. EXTENTS are in order and begin with a unit. */
static guint64 data_of(const GArray *extents, guint64 size)
{
	guint64 bytes = 0, counted_to = 0;

	for (guint i = 0; i < extents->len; i++) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);
		guint64 from = extent->offset / VK_SOURCE_CHANGE_UNIT * VK_SOURCE_CHANGE_UNIT;
		guint64 to = (extent->offset + extent->length + VK_SOURCE_CHANGE_UNIT - 1) /
			     VK_SOURCE_CHANGE_UNIT * VK_SOURCE_CHANGE_UNIT;

		if (extent->kind != VK_SOURCE_DATA)
			continue;
		from = MAX(from, counted_to);
		to = MIN(to, size);
		bytes += to > from ? to - from : 0;
		counted_to = MAX(to, counted_to);
	}
	return bytes;
}

/* A source that cannot be mapped fails the save, which reports it. */
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
	expect(count, data_of(extents, size));
	*offset += length;
	return TRUE;
}

static gboolean is_stopped(VkCount *count)
{
	return g_atomic_int_get(&count->stop) != 0;
}

static gpointer source_thread(gpointer data)
{
	VkCount *count = data;
	VkSource *source = count->source;
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, NULL);
	guint64 offset = 0;

	while (reader && offset < source->size && !is_stopped(count))
		if (!count_step(count, reader, &offset))
			return NULL;
	if (reader && offset >= source->size)
		finish(count);
	return NULL;
}

static gpointer image_thread(gpointer data)
{
	VkCount *count = data;
	VkImage *image = count->image;
	guint64 offset = 0, length;
	gboolean is_data;

	for (; offset < image->size && !is_stopped(count); offset += length) {
		if (!vk_image_extent(image, offset, &is_data, &length, NULL))
			return NULL;
		if (is_data)
			expect(count, length);
	}
	if (offset >= image->size)
		finish(count);
	return NULL;
}

static VkCount *count_new(VkProgress *progress)
{
	VkCount *count = g_new0(VkCount, 1);

	count->progress = progress;
	return count;
}

VkCount *vk_count_source(VkSource *source, VkProgress *progress)
{
	VkCount *count = count_new(progress);

	count->source = source;
	if (vk_progress_is_drawn(progress))
		count->thread = g_thread_new("count", source_thread, count);
	return count;
}

VkCount *vk_count_image(VkImage *image, VkProgress *progress)
{
	VkCount *count = count_new(progress);

	count->image = image;
	if (vk_progress_is_drawn(progress))
		count->thread = g_thread_new("count", image_thread, count);
	return count;
}

void vk_count_end(VkCount *count)
{
	if (count->thread)
		g_thread_join(count->thread);
	g_free(count);
}

void vk_count_cut(VkCount *count, guint64 done)
{
	if (!count->thread) {
		g_free(count);
		return;
	}
	g_atomic_int_set(&count->stop, TRUE);
	g_thread_join(count->thread);
	if (!count->is_done)
		finish(count);
	if (done > count->expected)
		vk_progress_expect(count->progress, done - count->expected);
	else
		vk_progress_give_up(count->progress, count->expected - done);
	g_free(count);
}
