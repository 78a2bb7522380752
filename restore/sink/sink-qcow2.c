/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A qcow2 file, or one in LUKS, written by qemu-nbd, which knows the format. It is the
 * temporary file of a VkNewFile.
 */
#include "sink-priv.h"

#include "errors.h"
#include "io.h"
#include "nbd-server.h"
#include "nbd-writer.h"
#include "qemu-image.h"

#include <errno.h>
#include <string.h>

#define ZEROS_SIZE (1024u * 1024u)

typedef struct Qcow2Sink {
	VkSink base;
	VkNewFile *file;
	char *path;
	VkNbdServer *server;
	GMutex lock; /* of the writer, which serves one thread */
	VkNbdWriter *writer;
} Qcow2Sink;

/*
 * QEMU's tools know the file by the name that we gave them; people by its own. Takes CAUSE over.
 */
static gboolean fail(const Qcow2Sink *qcow2, const char *what, GError *cause, GError **error)
{
	g_auto(GStrv) parts =
		g_strsplit(cause->message, vk_new_file_temporary_path(qcow2->file), -1);
	g_autofree char *text = g_strjoinv(qcow2->path, parts);

	g_set_error(error, cause->domain, cause->code, "cannot %s '%s': %s", what, qcow2->path,
		    text);
	g_error_free(cause);
	return FALSE;
}

static gboolean qcow2_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			    GError **error)
{
	Qcow2Sink *qcow2 = (Qcow2Sink *)sink;
	GError *cause = NULL;
	gboolean ok;

	g_mutex_lock(&qcow2->lock);
	ok = vk_nbd_writer_write(qcow2->writer, offset, buf, length, &cause);
	g_mutex_unlock(&qcow2->lock);
	return ok || fail(qcow2, "write", cause, error);
}

/* Parts of a raw image in LUKS that were never written read as noise. */
static gboolean luks_zero(VkSink *sink, guint64 offset, guint64 length, GError **error)
{
	static const char zeros[ZEROS_SIZE];

	while (length > 0) {
		gsize n = (gsize)MIN(length, sizeof(zeros));

		if (!qcow2_write(sink, offset, zeros, n, error))
			return FALSE;
		offset += n;
		length -= n;
	}
	return TRUE;
}

static gboolean qcow2_finish(VkSink *sink, GError **error)
{
	Qcow2Sink *qcow2 = (Qcow2Sink *)sink;
	GError *cause = NULL;

	if (!vk_nbd_writer_flush(qcow2->writer, &cause))
		return fail(qcow2, "flush", cause, error);
	g_clear_pointer(&qcow2->writer, vk_nbd_writer_free);
	if (!vk_nbd_server_stop(qcow2->server, &cause))
		return fail(qcow2, "finish", cause, error);
	if (vk_io.fsync(vk_new_file_fd(qcow2->file)) < 0)
		return vk_fail_errno(error, errno, "cannot flush '%s'", qcow2->path);
	return TRUE;
}

static gboolean qcow2_commit(VkSink *sink, gboolean replace, GError **error)
{
	return vk_new_file_commit(((Qcow2Sink *)sink)->file, replace, error);
}

static void qcow2_free(VkSink *sink)
{
	Qcow2Sink *qcow2 = (Qcow2Sink *)sink;

	vk_nbd_writer_free(qcow2->writer);
	vk_nbd_server_free(qcow2->server);
	vk_new_file_free(qcow2->file);
	g_mutex_clear(&qcow2->lock);
	g_free(qcow2->path);
	g_free(qcow2);
}

static const VkSinkOps qcow2_ops = {
	.write = qcow2_write, .finish = qcow2_finish, .commit = qcow2_commit, .free = qcow2_free};

static const VkSinkOps luks_ops = {.write = qcow2_write,
				   .zero = luks_zero,
				   .finish = qcow2_finish,
				   .commit = qcow2_commit,
				   .free = qcow2_free};

/* Makes the image and serves it. */
static gboolean start_writer(Qcow2Sink *qcow2, const VkPlace *place, GError **error)
{
	g_autofree VkQemuLayer *layers = g_new0(VkQemuLayer, place->backing_count + 1);

	layers[0] = (VkQemuLayer){.path = vk_new_file_temporary_path(qcow2->file),
				  .format = place->format,
				  .secret = place->secret};
	for (guint i = 0; i < place->backing_count; i++)
		layers[i + 1] = place->backing[i];
	if (!vk_image_file_create(&layers[0], place->options, place->size, error))
		return FALSE;
	if (place->backing_count > 0 && !vk_image_file_set_backing(&layers[0], &layers[1], error))
		return FALSE;
	/* What a cluster gets only in part is filled from below. */
	qcow2->server = vk_nbd_server_start_overlay(layers, place->backing_count + 1, error);
	if (!qcow2->server)
		return FALSE;
	qcow2->writer = vk_nbd_writer_new(vk_nbd_server_socket(qcow2->server), error);
	if (!qcow2->writer)
		return FALSE;
	return vk_nbd_writer_size(qcow2->writer) >= place->size ||
	       vk_fail(error, VK_ERROR_FAILED, "it came out too small");
}

VkSink *vk_sink_qcow2_new(const VkPlace *place, GError **error)
{
	Qcow2Sink *qcow2 = g_new0(Qcow2Sink, 1);
	g_autoptr(VkSink) sink = &qcow2->base;
	GError *cause = NULL;

	sink->ops = strcmp(place->format, "qcow2") == 0 ? &qcow2_ops : &luks_ops;
	g_mutex_init(&qcow2->lock);
	qcow2->path = g_strdup(place->path);
	qcow2->file = vk_sink_new_file(place, error);
	if (!qcow2->file)
		return NULL;
	if (!start_writer(qcow2, place, &cause)) {
		fail(qcow2, "make", cause, error);
		return NULL;
	}
	return g_steal_pointer(&sink);
}
