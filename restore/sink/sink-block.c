/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A block device, overwritten where it is, by us or by an array.
 */
#include "sink-priv.h"

#include "bulk-writer.h"
#include "errors.h"
#include "io.h"
#include "safe-path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS_SIZE 65536u

typedef struct BlockSink {
	VkSink base;
	int fd;
	char *path;
	VkBulkWriter writer;
} BlockSink;

static gboolean block_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			    GError **error)
{
	BlockSink *block = (BlockSink *)sink;

	return vk_bulk_writer_write(&block->writer, offset, buf, length, error);
}

static gboolean block_zero(VkSink *sink, guint64 offset, guint64 length, GError **error)
{
	static const char zeros[ZEROS_SIZE];
	BlockSink *block = (BlockSink *)sink;

	/* The kernel then discards or zeroes, and refuses where it could not promise zeros. */
	if (fallocate(block->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)length) == 0)
		return TRUE;
	while (length > 0) {
		gsize n = (gsize)MIN(length, sizeof(zeros));

		if (!block_write(sink, offset, zeros, n, error))
			return FALSE;
		offset += n;
		length -= n;
	}
	return TRUE;
}

static gboolean block_finish(VkSink *sink, GError **error)
{
	BlockSink *block = (BlockSink *)sink;

	if (vk_io.fsync(block->fd) < 0)
		return vk_fail_errno(error, errno, "cannot flush '%s'", block->path);
	return TRUE;
}

static gboolean block_commit(VkSink *sink, gboolean replace, GError **error)
{
	return TRUE;
}

static void block_free(VkSink *sink)
{
	BlockSink *block = (BlockSink *)sink;

	vk_bulk_writer_done(&block->writer);
	vk_io_clear_fd(&block->fd);
	g_free(block->path);
	g_free(block);
}

static const VkSinkOps block_ops = {.write = block_write,
				    .zero = block_zero,
				    .finish = block_finish,
				    .commit = block_commit,
				    .free = block_free};

static const VkSinkOps overwritten_ops = {
	.finish = block_finish, .commit = block_commit, .free = block_free};

static gboolean check_size(int fd, const VkPlace *place, GError **error)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size >= 0 && (guint64)size >= place->size)
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED,
		       "'%s' is too small: it has %lld bytes, the disk %" G_GUINT64_FORMAT
		       "; use --to DIR to restore into a file",
		       place->path, (long long)size, place->size);
}

gboolean vk_sink_block_check(const VkPlace *place, GError **error)
{
	VK_AUTOFD fd = vk_io_open_storage(place->path, O_RDONLY, error);

	return fd >= 0 && check_size(fd, place, error);
}

/* The path was looked at long before: another kind of device must not even be opened. */
static int open_device(const VkPlace *place, GError **error)
{
	VK_AUTOFD found = vk_safe_open(place->path, O_PATH, error);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", found);
	struct stat facts;
	int fd;

	if (found < 0)
		return -1;
	if (fstat(found, &facts) < 0 || !S_ISBLK(facts.st_mode)) {
		vk_fail(error, VK_ERROR_CHANGED, "'%s' is not a block device any more",
			place->path);
		return -1;
	}
	/* O_EXCL on a block device: refused while it is mounted or held by another driver. */
	fd = vk_io.openat(AT_FDCWD, link, O_RDWR | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		vk_fail_errno(error, errno, "cannot open '%s'", place->path);
	return fd;
}

static VkSink *block_new(const VkSinkOps *ops, const VkPlace *place, GError **error)
{
	VK_AUTOFD fd = open_device(place, error);
	BlockSink *block;

	if (fd < 0 || !check_size(fd, place, error))
		return NULL;
	block = g_new0(BlockSink, 1);
	block->base.ops = ops;
	block->fd = fd;
	fd = -1;
	block->path = g_strdup(place->path);
	vk_bulk_writer_init(&block->writer, block->fd, block->path);
	block->base.waits = vk_bulk_writer_waits(&block->writer);
	return &block->base;
}

VkSink *vk_sink_block_new(const VkPlace *place, GError **error)
{
	return block_new(&block_ops, place, error);
}

VkSink *vk_sink_overwritten_new(const VkPlace *place, const char **ret_path, GError **error)
{
	*ret_path = place->path;
	return block_new(&overwritten_ops, place, error);
}
