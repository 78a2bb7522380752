/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that an array fills, under the temporary name of a VkNewFile. Nobody writes to it.
 */
#include "sink.h"

#include "errors.h"
#include "io.h"
#include "newfile.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct CloneSink {
	VkSink base;
	VkNewFile *file;
	char *path;
} CloneSink;

static gboolean clone_finish(VkSink *sink, GError **error)
{
	CloneSink *clone = (CloneSink *)sink;

	if (vk_io.fsync(vk_new_file_fd(clone->file)) < 0)
		return vk_fail_errno(error, errno, "cannot flush '%s'", clone->path);
	return TRUE;
}

static gboolean clone_commit(VkSink *sink, gboolean replace, GError **error)
{
	return vk_new_file_commit(((CloneSink *)sink)->file, replace, error);
}

static void clone_free(VkSink *sink)
{
	CloneSink *clone = (CloneSink *)sink;

	vk_new_file_free(clone->file);
	g_free(clone->path);
	g_free(clone);
}

static const VkSinkOps clone_ops = {
	.finish = clone_finish, .commit = clone_commit, .free = clone_free};

VkSink *vk_sink_clone_new(const VkPlace *place, const char **ret_temporary, GError **error)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(place->path, 0600, error);
	CloneSink *clone;
	int fd;

	if (!file)
		return NULL;
	fd = vk_new_file_fd(file);
	if (fchown(fd, place->uid, place->gid) < 0 || fchmod(fd, place->mode) < 0) {
		vk_fail_errno(error, errno, "cannot give '%s' its owner", place->path);
		return NULL;
	}
	clone = g_new0(CloneSink, 1);
	clone->base.ops = &clone_ops;
	*ret_temporary = vk_new_file_temporary_path(file);
	clone->file = g_steal_pointer(&file);
	clone->path = g_strdup(place->path);
	return &clone->base;
}

static gboolean overwritten_finish(VkSink *sink, GError **error)
{
	return TRUE;
}

static gboolean overwritten_commit(VkSink *sink, gboolean replace, GError **error)
{
	return TRUE;
}

static void overwritten_free(VkSink *sink)
{
	g_free(sink);
}

static const VkSinkOps overwritten_ops = {
	.finish = overwritten_finish, .commit = overwritten_commit, .free = overwritten_free};

VkSink *vk_sink_overwritten_new(const VkPlace *place, const char **ret_path)
{
	VkSink *sink = g_new0(VkSink, 1);

	sink->ops = &overwritten_ops;
	*ret_path = place->path;
	return sink;
}
