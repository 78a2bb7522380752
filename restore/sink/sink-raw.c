/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A raw file: sparse, of full length from the start. Or a file that an array fills, and this
 * program does not write. Both are under the temporary name of a VkNewFile.
 */
#include "sink-priv.h"

#include "bulk-writer.h"
#include "errors.h"
#include "io.h"

#include <errno.h>

/* The unit that file systems allocate; zeros are left out in this unit. */
#define PAGE 4096u

typedef struct RawSink {
	VkSink base;
	VkNewFile *file;
	char *path;
	VkBulkWriter writer;
} RawSink;

/* Bytes at the start of BUF that are all zero pages, or all others. */
static gsize run_length(const char *buf, gsize length, gboolean *ret_zero)
{
	gsize done = MIN(PAGE, length);

	*ret_zero = vk_io_is_zero(buf, done);
	while (done < length) {
		gsize page = MIN(PAGE, length - done);

		if (vk_io_is_zero(buf + done, page) != *ret_zero)
			break;
		done += page;
	}
	return done;
}

static gboolean raw_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			  GError **error)
{
	RawSink *raw = (RawSink *)sink;
	const char *bytes = buf;

	while (length > 0) {
		gboolean zero;
		gsize run = run_length(bytes, length, &zero);

		if (!zero && !vk_bulk_writer_write(&raw->writer, offset, bytes, run, error))
			return FALSE;
		bytes += run;
		offset += run;
		length -= run;
	}
	return TRUE;
}

static gboolean raw_finish(VkSink *sink, GError **error)
{
	RawSink *raw = (RawSink *)sink;

	if (vk_io.fsync(vk_new_file_fd(raw->file)) < 0)
		return vk_fail_errno(error, errno, "cannot flush '%s'", raw->path);
	return TRUE;
}

static gboolean raw_commit(VkSink *sink, gboolean replace, GError **error)
{
	return vk_new_file_commit(((RawSink *)sink)->file, replace, error);
}

static void raw_free(VkSink *sink)
{
	RawSink *raw = (RawSink *)sink;

	vk_bulk_writer_done(&raw->writer);
	vk_new_file_free(raw->file);
	g_free(raw->path);
	g_free(raw);
}

static const VkSinkOps raw_ops = {
	.write = raw_write, .finish = raw_finish, .commit = raw_commit, .free = raw_free};
static const VkSinkOps clone_ops = {.finish = raw_finish, .commit = raw_commit, .free = raw_free};

static RawSink *raw_new(const VkSinkOps *ops, const VkPlace *place, GError **error)
{
	VkNewFile *file = vk_sink_new_file(place, error);
	RawSink *raw;

	if (!file)
		return NULL;
	raw = g_new0(RawSink, 1);
	raw->base.ops = ops;
	raw->file = file;
	raw->path = g_strdup(place->path);
	vk_bulk_writer_init(&raw->writer, vk_new_file_fd(raw->file), raw->path);
	raw->base.waits = vk_bulk_writer_waits(&raw->writer);
	return raw;
}

VkSink *vk_sink_raw_new(const VkPlace *place, GError **error)
{
	RawSink *raw = raw_new(&raw_ops, place, error);

	if (!raw)
		return NULL;
	if (vk_io.ftruncate(vk_new_file_fd(raw->file), (off_t)place->size) < 0) {
		vk_fail_errno(error, errno, "cannot give '%s' its size", place->path);
		raw_free(&raw->base);
		return NULL;
	}
	return &raw->base;
}

VkSink *vk_sink_clone_new(const VkPlace *place, const char **ret_temporary, GError **error)
{
	RawSink *raw = raw_new(&clone_ops, place, error);

	if (!raw)
		return NULL;
	*ret_temporary = vk_new_file_temporary_path(raw->file);
	return &raw->base;
}
