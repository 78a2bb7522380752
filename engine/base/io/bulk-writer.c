/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bulk-writer.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Each write past the page cache is a wait for the disk: smaller pieces are left to the kernel. */
#define DIRECT_MIN ((gsize)65536)
/* Of x86-64; elsewhere they may be larger, and the buffer has small pages. */
#define LARGE_PAGE ((gsize)2 * 1024 * 1024)

void *vk_bulk_buffer_new(gsize length)
{
	void *buffer = g_aligned_alloc(1, length, LARGE_PAGE);

	/* A wish: without it, or where it is refused, the pages are small. */
	madvise(buffer, length, MADV_HUGEPAGE);
	return buffer;
}

void vk_bulk_buffer_free(void *buffer)
{
	g_aligned_free(buffer);
}

/*
 * Whether FD takes direct writes of our alignment. FALSE where the system does not say, as on NFS.
 */
static gboolean takes_direct(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx facts;

	return statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
	       (facts.stx_mask & STATX_DIOALIGN) && facts.stx_dio_offset_align > 0 &&
	       facts.stx_dio_offset_align <= VK_BULK_ALIGNMENT &&
	       facts.stx_dio_mem_align <= VK_BULK_ALIGNMENT;
#else
	return FALSE;
#endif
}

void vk_bulk_writer_init(VkBulkWriter *writer, int fd, const char *name)
{
	g_autofree char *same = g_strdup_printf("/proc/self/fd/%d", fd);

	*writer = (VkBulkWriter){.fd = fd, .direct = -1, .name = name};
	if (takes_direct(fd))
		writer->direct = vk_io_open(AT_FDCWD, same, O_WRONLY | O_DIRECT, 0, NULL);
}

static gboolean is_aligned(guint64 offset, const void *buf, gsize length)
{
	return ((offset | (guintptr)buf | length) & (VK_BULK_ALIGNMENT - 1)) == 0;
}

gboolean vk_bulk_writer_write(VkBulkWriter *writer, guint64 offset, const void *buf, gsize length,
			      GError **error)
{
	/* What is refused here is taken by the cache, or its write or flush says why not. */
	if (writer->direct >= 0 && length >= DIRECT_MIN && is_aligned(offset, buf, length) &&
	    vk_io_write(writer->direct, writer->name, offset, buf, length, NULL))
		return TRUE;
	if (!vk_io_write(writer->fd, writer->name, offset, buf, length, error))
		return FALSE;
	vk_writeback_add(&writer->writeback, writer->fd, length);
	return TRUE;
}

gboolean vk_bulk_writer_waits(const VkBulkWriter *writer)
{
	return writer->direct >= 0;
}

void vk_bulk_writer_done(VkBulkWriter *writer)
{
	vk_io_clear_fd(&writer->direct);
}
