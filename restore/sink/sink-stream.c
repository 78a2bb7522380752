/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream, as a pipe on stdout: every byte in order, zeros too.
 */
#include "sink-priv.h"

#include "errors.h"
#include "interrupt.h"

#include <errno.h>
#include <unistd.h>

#define ZEROS_SIZE 65536u

typedef struct StreamSink {
	VkSink base;
	int fd;
	char *name;
} StreamSink;

static gboolean stream_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			     GError **error)
{
	StreamSink *stream = (StreamSink *)sink;
	const char *bytes = buf;

	while (length > 0) {
		ssize_t n = write(stream->fd, bytes, length);

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vk_fail_errno(error, errno, "cannot write to %s", stream->name);
		bytes += n;
		length -= (gsize)n;
	}
	return TRUE;
}

static gboolean stream_zero(VkSink *sink, guint64 offset, guint64 length, GError **error)
{
	static const char zeros[ZEROS_SIZE];

	while (length > 0) {
		gsize n = (gsize)MIN(length, sizeof(zeros));

		if (!stream_write(sink, offset, zeros, n, error))
			return FALSE;
		offset += n;
		length -= n;
	}
	return TRUE;
}

static gboolean stream_finish(VkSink *sink, GError **error)
{
	return TRUE;
}

static gboolean stream_commit(VkSink *sink, gboolean replace, GError **error)
{
	return TRUE;
}

static void stream_free(VkSink *sink)
{
	g_free(((StreamSink *)sink)->name);
	g_free(sink);
}

static const VkSinkOps stream_ops = {.write = stream_write,
				     .zero = stream_zero,
				     .finish = stream_finish,
				     .commit = stream_commit,
				     .free = stream_free};

VkSink *vk_sink_stream_new(int fd, const char *name)
{
	StreamSink *stream = g_new0(StreamSink, 1);

	stream->base.ops = &stream_ops;
	stream->base.in_order = TRUE;
	stream->fd = fd;
	stream->name = g_strdup(name);
	return &stream->base;
}
