/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A qcow2 file, written by qemu-nbd, which knows the format. It lies under the temporary name of a
 * VkNewFile, whose own empty file it takes the place of.
 */
#include "sink.h"

#include "errors.h"
#include "io.h"
#include "nbd.h"
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Qcow2Sink {
	VkSink base;
	VkNewFile *file;
	char *path;
	VkNbdServer *server;
	GMutex lock; /* of the writer, which serves one thread */
	VkNbdWriter *writer;
} Qcow2Sink;

static gboolean qcow2_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			    GError **error)
{
	Qcow2Sink *qcow2 = (Qcow2Sink *)sink;
	gboolean ok;

	g_mutex_lock(&qcow2->lock);
	ok = vk_nbd_writer_write(qcow2->writer, offset, buf, length, error);
	g_mutex_unlock(&qcow2->lock);
	if (!ok)
		g_prefix_error(error, "cannot write '%s': ", qcow2->path);
	return ok;
}

static gboolean qcow2_finish(VkSink *sink, GError **error)
{
	Qcow2Sink *qcow2 = (Qcow2Sink *)sink;
	const char *temporary = vk_new_file_temporary_path(qcow2->file);

	if (!vk_nbd_writer_flush(qcow2->writer, error)) {
		g_prefix_error(error, "cannot flush '%s': ", qcow2->path);
		return FALSE;
	}
	g_clear_pointer(&qcow2->writer, vk_nbd_writer_free);
	if (!vk_nbd_server_stop(qcow2->server, error)) {
		g_prefix_error(error, "cannot finish '%s': ", qcow2->path);
		return FALSE;
	}

	VK_AUTOFD fd = vk_io_open(AT_FDCWD, temporary, O_RDONLY, 0, error);
	if (fd < 0)
		return FALSE;
	if (vk_io.fsync(fd) < 0)
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

static gboolean make_image(const VkPlace *place, const char *temporary, GError **error)
{
	vk_io.unlinkat(AT_FDCWD, temporary, 0);
	if (!vk_image_file_create(temporary, "qcow2", place->size, error))
		return FALSE;
	if (chown(temporary, place->uid, place->gid) < 0 || chmod(temporary, place->mode) < 0)
		return vk_fail_errno(error, errno, "cannot give '%s' its owner", place->path);
	return TRUE;
}

VkSink *vk_sink_qcow2_new(const VkPlace *place, GError **error)
{
	Qcow2Sink *qcow2 = g_new0(Qcow2Sink, 1);
	g_autoptr(VkSink) sink = &qcow2->base;
	const char *temporary;

	sink->ops = &qcow2_ops;
	g_mutex_init(&qcow2->lock);
	qcow2->path = g_strdup(place->path);
	qcow2->file = vk_new_file_create(place->path, 0600, error);
	if (!qcow2->file)
		return NULL;
	temporary = vk_new_file_temporary_path(qcow2->file);
	if (!make_image(place, temporary, error))
		return NULL;
	qcow2->server = vk_nbd_server_start(temporary, "qcow2", VK_NBD_WRITE, error);
	if (!qcow2->server)
		return NULL;
	qcow2->writer = vk_nbd_writer_new(vk_nbd_server_socket(qcow2->server), error);
	if (!qcow2->writer)
		return NULL;
	if (vk_nbd_writer_size(qcow2->writer) < place->size) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' came out too small", place->path);
		return NULL;
	}
	return g_steal_pointer(&sink);
}
