/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-file.h"

#include "errors.h"
#include "io.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A disk has whole sectors: the rest of a file's last one reads as zeros, as QEMU shows it. */
#define SECTOR 512

typedef struct FileSource {
	VkSource base;
	char *path;
	int fd;
	guint64 file_size;
	gboolean has_holes; /* a regular file: its holes can be found */
} FileSource;

typedef struct FileRead {
	guint64 offset;
	gsize length;
	void *buf;
} FileRead;

typedef struct FileReader {
	VkSourceReader base;
	FileSource *source;
	FileRead reads[VK_SOURCE_DEPTH]; /* a ring */
	guint first, count;
} FileReader;

static void append_extent(GArray *extents, guint64 offset, guint64 end, VkSourceKind kind)
{
	VkSourceExtent extent = {.offset = offset, .length = end - offset, .kind = kind};

	if (end > offset)
		g_array_append_val(extents, extent);
}

static gboolean fail_seek(const FileSource *source, GError **error)
{
	return vk_fail_errno(error, errno, "cannot find the holes of '%s'", source->path);
}

static gboolean file_map(VkSourceReader *base, guint64 offset, guint64 length, GArray *extents,
			 GError **error)
{
	const FileSource *source = ((FileReader *)base)->source;
	guint64 end = offset + length;

	if (!source->has_holes) {
		append_extent(extents, offset, end, VK_SOURCE_DATA);
		return TRUE;
	}
	while (offset < end) {
		off_t data = lseek(source->fd, (off_t)offset, SEEK_DATA);
		off_t hole;

		if (data < 0 && errno != ENXIO)
			return fail_seek(source, error);
		if (data < 0 || (guint64)data >= end) {
			append_extent(extents, offset, end, VK_SOURCE_HOLE);
			return TRUE;
		}
		append_extent(extents, offset, (guint64)data, VK_SOURCE_HOLE);
		hole = lseek(source->fd, data, SEEK_HOLE);
		if (hole < 0)
			return fail_seek(source, error);
		offset = MIN((guint64)hole, end);
		append_extent(extents, (guint64)data, offset, VK_SOURCE_DATA);
	}
	return TRUE;
}

static gboolean file_submit(VkSourceReader *base, guint64 offset, gsize length, void *buf,
			    GError **error)
{
	FileReader *reader = (FileReader *)base;
	FileRead *slot = &reader->reads[(reader->first + reader->count) % VK_SOURCE_DEPTH];

	g_assert(reader->count < VK_SOURCE_DEPTH);
	*slot = (FileRead){.offset = offset, .length = length, .buf = buf};
	reader->count++;
	/* The kernel starts reading; a failure costs time only. */
	posix_fadvise(reader->source->fd, (off_t)offset, (off_t)length, POSIX_FADV_WILLNEED);
	return TRUE;
}

static gboolean file_complete(VkSourceReader *base, GError **error)
{
	FileReader *reader = (FileReader *)base;
	const FileSource *source = reader->source;
	const FileRead *slot = &reader->reads[reader->first];
	gsize got = 0;

	g_assert(reader->count > 0);
	reader->first = (reader->first + 1) % VK_SOURCE_DEPTH;
	reader->count--;
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (!vk_io_read(source->fd, source->path, slot->offset, slot->buf, slot->length, &got,
			error))
		return FALSE;
	if (got < slot->length && slot->offset + got != source->file_size)
		return vk_fail(error, VK_ERROR_CHANGED, "'%s' shrank while it was read",
			       source->path);
	memset((guint8 *)slot->buf + got, 0, slot->length - got);
	return TRUE;
}

static void file_reader_free(VkSourceReader *base)
{
	g_free(base);
}

static const VkSourceReaderOps file_reader_ops = {
	.map = file_map,
	.submit = file_submit,
	.complete = file_complete,
	.free = file_reader_free,
};

static VkSourceReader *file_open_reader(VkSource *base, GError **error)
{
	FileReader *reader = g_new0(FileReader, 1);

	reader->base.ops = &file_reader_ops;
	reader->source = (FileSource *)base;
	return &reader->base;
}

static void file_source_free(VkSource *base)
{
	FileSource *source = (FileSource *)base;

	vk_io_clear_fd(&source->fd);
	g_free(source->path);
	g_free(source);
}

static const VkSourceOps file_source_ops = {
	.open_reader = file_open_reader,
	.free = file_source_free,
};

static gboolean measure(FileSource *source, GError **error)
{
	struct stat info;

	if (fstat(source->fd, &info) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", source->path);
	if (S_ISREG(info.st_mode)) {
		source->file_size = (guint64)info.st_size;
		source->has_holes = TRUE;
	} else if (!S_ISBLK(info.st_mode)) {
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is neither a file nor a block device",
			       source->path);
	} else if (ioctl(source->fd, BLKGETSIZE64, &source->file_size) < 0) {
		return vk_fail_errno(error, errno, "cannot get the size of '%s'", source->path);
	}
	source->base.size = (source->file_size + SECTOR - 1) / SECTOR * SECTOR;
	return TRUE;
}

VkSource *vk_source_file_adopt(int fd, const char *path, GError **error)
{
	FileSource *source = g_new0(FileSource, 1);

	source->base.ops = &file_source_ops;
	source->path = g_strdup(path);
	source->fd = fd;
	if (!measure(source, error)) {
		file_source_free(&source->base);
		return NULL;
	}
	return &source->base;
}

VkSource *vk_source_file_new(const char *path, GError **error)
{
	int fd = vk_io_open_storage(path, O_RDONLY, error);

	return fd < 0 ? NULL : vk_source_file_adopt(fd, path, error);
}
