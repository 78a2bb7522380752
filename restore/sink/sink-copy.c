/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sink-copy.h"

#include "bulk-writer.h"
#include "errors.h"
#include "interrupt.h"

#include <string.h>

/* On ext4 direct writes to holes of one file wait for each other: one alone keeps the disk busy. */
#define DATA_PIECE  ((gsize)4 * 1024 * 1024)
#define ZERO_PIECE  ((gsize)256 * 1024 * 1024)
#define THREADS_MAX 16u
/* For each processor, where a write waits for the disk. */
#define THREADS_WAITING 4u

/* What a vault checks and loses in one: a damaged part is no smaller. */
#define UNIT ((gsize)64 * 1024)

typedef struct Piece {
	guint64 offset;
	guint64 length;
	gboolean is_data;
} Piece;

/* Shared by the threads. What follows LOCK is under it; the rest does not change. */
typedef struct Copy {
	VkImage *image;
	VkSink *sink;
	VkProgress *progress;
	guint64 size;
	GMutex lock;
	Piece extent;       /* the rest of the extent being handed out */
	VkMissing *missing; /* NULL: damage is an error */
	GError *error;      /* the first one: all threads stop */
} Copy;

/* Whether a failure to read was damage, and damage is to be skipped: it is over then. */
static gboolean may_skip(const Copy *copy, GError **trouble)
{
	if (!copy->missing || !g_error_matches(*trouble, VK_ERROR, VK_ERROR_DAMAGE))
		return FALSE;
	g_clear_error(trouble);
	return TRUE;
}

/*
 * What lies at the extent's offset. Where the map is damaged nobody knows, but for one unit: what
 * may be there is data, and its read will show that it is missing.
 */
static gboolean find_extent(const Copy *copy, Piece *extent, GError **error)
{
	GError *trouble = NULL;

	if (vk_image_extent(copy->image, extent->offset, &extent->is_data, &extent->length,
			    &trouble))
		return TRUE;
	if (may_skip(copy, &trouble)) {
		extent->is_data = TRUE;
		extent->length = MIN(UNIT - extent->offset % UNIT, copy->size - extent->offset);
		return TRUE;
	}
	g_propagate_error(error, trouble);
	return FALSE;
}

/* Makes the next extent current, passing over holes that the sink makes by itself. */
static gboolean next_extent(Copy *copy, GError **error)
{
	Piece *extent = &copy->extent;

	while (extent->length == 0 && extent->offset < copy->size) {
		if (!find_extent(copy, extent, error))
			return FALSE;
		if (!extent->is_data && !copy->sink->ops->zero) {
			extent->offset += extent->length;
			extent->length = 0;
		}
	}
	return TRUE;
}

/* A piece of the image for one thread; length 0 at the end. */
static gboolean take_piece(Copy *copy, Piece *ret, GError **error)
{
	Piece *extent = &copy->extent;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (!next_extent(copy, error))
		return FALSE;
	*ret = *extent;
	ret->length = MIN(extent->length, extent->is_data ? DATA_PIECE : ZERO_PIECE);
	extent->offset += ret->length;
	extent->length -= ret->length;
	return TRUE;
}

/* Reads a unit, or a part of one. Zeros take the place of what is damaged. */
static gboolean read_unit(Copy *copy, guint64 offset, void *buf, gsize length, GError **error)
{
	GError *trouble = NULL;

	if (vk_image_read(copy->image, offset, buf, length, &trouble))
		return TRUE;
	if (!may_skip(copy, &trouble)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	memset(buf, 0, length);
	g_mutex_lock(&copy->lock);
	vk_missing_add(copy->missing, offset, length);
	g_mutex_unlock(&copy->lock);
	return TRUE;
}

static gboolean read_piece(Copy *copy, const Piece *piece, guint8 *buf, GError **error)
{
	GError *trouble = NULL;

	if (vk_image_read(copy->image, piece->offset, buf, (gsize)piece->length, &trouble))
		return TRUE;
	if (!may_skip(copy, &trouble)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	for (guint64 done = 0, part; done < piece->length; done += part) {
		part = MIN(UNIT - (piece->offset + done) % UNIT, piece->length - done);
		if (!read_unit(copy, piece->offset + done, buf + done, (gsize)part, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean copy_piece(Copy *copy, const Piece *piece, void *buf, GError **error)
{
	if (!piece->is_data)
		return copy->sink->ops->zero(copy->sink, piece->offset, piece->length, error);
	if (!read_piece(copy, piece, buf, error))
		return FALSE;
	if (!copy->sink->ops->write(copy->sink, piece->offset, buf, (gsize)piece->length, error))
		return FALSE;
	vk_progress_add(copy->progress, piece->length);
	return TRUE;
}

static gpointer copy_thread(gpointer data)
{
	Copy *copy = data;
	void *buf = vk_bulk_buffer_new(DATA_PIECE);
	Piece piece = {.length = 1};
	gboolean ok = TRUE;

	while (ok && piece.length > 0) {
		g_autoptr(GError) error = NULL;

		g_mutex_lock(&copy->lock);
		if (copy->error)
			piece.length = 0;
		else
			ok = take_piece(copy, &piece, &error);
		g_mutex_unlock(&copy->lock);
		if (ok && piece.length > 0)
			ok = copy_piece(copy, &piece, buf, &error);
		if (!ok) {
			g_mutex_lock(&copy->lock);
			if (!copy->error)
				copy->error = g_steal_pointer(&error);
			g_mutex_unlock(&copy->lock);
		}
	}
	vk_bulk_buffer_free(buf);
	return NULL;
}

/* How many threads keep processors and disk busy. */
static guint thread_count(const VkSink *sink)
{
	guint processors = g_get_num_processors();

	if (sink->in_order)
		return 1;
	return CLAMP(sink->waits ? processors * THREADS_WAITING : processors, 1, THREADS_MAX);
}

gboolean vk_sink_copy_image(VkImage *image, VkSink *sink, VkMissing *missing, VkProgress *progress,
			    GError **error)
{
	Copy copy = {.image = image,
		     .sink = sink,
		     .progress = progress,
		     .size = image->size,
		     .missing = missing};
	guint count = thread_count(sink);
	GThread *threads[THREADS_MAX];

	g_mutex_init(&copy.lock);
	for (guint i = 1; i < count; i++)
		threads[i] = g_thread_new("restore", copy_thread, &copy);
	copy_thread(&copy);
	for (guint i = 1; i < count; i++)
		g_thread_join(threads[i]);
	g_mutex_clear(&copy.lock);
	if (missing)
		vk_missing_settle(missing);
	if (copy.error) {
		g_propagate_error(error, copy.error);
		return FALSE;
	}
	return sink->ops->finish(sink, error);
}

gboolean vk_sink_copy_text(const char *text, VkSink *sink, GError **error)
{
	return sink->ops->write(sink, 0, text, strlen(text), error) &&
	       sink->ops->finish(sink, error);
}
