/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A qcow2 image that stands on backing files, as the original did: what these have already is not
 * written again.
 */
#include "sink-priv.h"

#include "qemu-image.h"
#include "source-served.h"

#include <string.h>

/* Compared at a time, and at most read. */
#define UNIT  ((gsize)64 * 1024)
#define PIECE VK_SOURCE_READ_MAX

typedef struct OverlaySink {
	VkSink base;
	VkSink *image;
	VkSource *below;
	GMutex lock; /* of what follows */
	VkSourceReader *reader;
	char *bytes; /* PIECE of them */
} OverlaySink;

/* What the disk would have at [offset, offset+length) without the image; up to PIECE. */
static gboolean read_below(OverlaySink *overlay, guint64 offset, gsize length, GError **error)
{
	VkSourceReader *reader = overlay->reader;
	guint64 end = overlay->below->size;
	gsize there = offset < end ? (gsize)MIN(length, end - offset) : 0;

	memset(overlay->bytes + there, 0, length - there);
	return there == 0 || (reader->ops->submit(reader, offset, there, overlay->bytes, error) &&
			      reader->ops->complete(reader, error));
}

/* Writes those units of BUF that differ from what is below. */
static gboolean write_piece(OverlaySink *overlay, guint64 offset, const char *buf, gsize length,
			    GError **error)
{
	if (!read_below(overlay, offset, length, error))
		return FALSE;
	for (gsize at = 0; at < length; at += UNIT) {
		gsize unit = MIN(UNIT, length - at);

		if (memcmp(buf + at, overlay->bytes + at, unit) != 0 &&
		    !overlay->image->ops->write(overlay->image, offset + at, buf + at, unit, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean overlay_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			      GError **error)
{
	OverlaySink *overlay = (OverlaySink *)sink;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&overlay->lock);
	const char *bytes = buf;

	for (gsize at = 0; at < length; at += PIECE)
		if (!write_piece(overlay, offset + at, bytes + at, MIN(PIECE, length - at), error))
			return FALSE;
	return TRUE;
}

static gboolean zero_extent(OverlaySink *overlay, const VkSourceExtent *extent, GError **error)
{
	static const char zeros[PIECE];

	for (guint64 at = 0; extent->kind == VK_SOURCE_DATA && at < extent->length; at += PIECE)
		if (!write_piece(overlay, extent->offset + at, zeros,
				 (gsize)MIN(PIECE, extent->length - at), error))
			return FALSE;
	return TRUE;
}

static gboolean overlay_zero(VkSink *sink, guint64 offset, guint64 length, GError **error)
{
	OverlaySink *overlay = (OverlaySink *)sink;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&overlay->lock);
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	guint64 end = MIN(offset + length, overlay->below->size);

	if (offset >= end)
		return TRUE;
	if (!overlay->reader->ops->map(overlay->reader, offset, end - offset, extents, error))
		return FALSE;
	for (guint i = 0; i < extents->len; i++)
		if (!zero_extent(overlay, &g_array_index(extents, VkSourceExtent, i), error))
			return FALSE;
	return TRUE;
}

static gboolean overlay_finish(VkSink *sink, GError **error)
{
	VkSink *image = ((OverlaySink *)sink)->image;

	return image->ops->finish(image, error);
}

static gboolean overlay_commit(VkSink *sink, gboolean replace, GError **error)
{
	VkSink *image = ((OverlaySink *)sink)->image;

	return image->ops->commit(image, replace, error);
}

static void overlay_free(VkSink *sink)
{
	OverlaySink *overlay = (OverlaySink *)sink;

	vk_source_reader_free(overlay->reader);
	vk_source_free(overlay->below);
	vk_sink_free(overlay->image);
	g_mutex_clear(&overlay->lock);
	g_free(overlay->bytes);
	g_free(overlay);
}

static const VkSinkOps overlay_ops = {.write = overlay_write,
				      .zero = overlay_zero,
				      .finish = overlay_finish,
				      .commit = overlay_commit,
				      .free = overlay_free};

VkSink *vk_sink_overlay_new(const VkPlace *place, GError **error)
{
	OverlaySink *overlay = g_new0(OverlaySink, 1);
	g_autoptr(VkSink) sink = &overlay->base;

	sink->ops = &overlay_ops;
	g_mutex_init(&overlay->lock);
	overlay->bytes = g_malloc(PIECE);
	if (!vk_qemu_check_data(place->backing, place->backing_count, error))
		return NULL;
	overlay->below = vk_source_served_new(place->backing, place->backing_count, NULL, error);
	if (!overlay->below)
		return NULL;
	overlay->reader = overlay->below->ops->open_reader(overlay->below, error);
	overlay->image = overlay->reader ? vk_sink_qcow2_new(place, error) : NULL;
	return overlay->image ? g_steal_pointer(&sink) : NULL;
}
