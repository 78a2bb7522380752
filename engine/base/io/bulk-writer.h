/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBulkWriter: writes much to one file or block device, from any number of threads. Where the file
 * system tells how (statx(2), STATX_DIOALIGN), large aligned pieces go to the disk past the page
 * cache: the kernel writes to the cache of a file by one thread at a time, the others spin, and
 * what the host has in memory for its guests is pushed out.
 */
#pragma once

#include "io.h"

#include <glib.h>

/*
 * Bytes that the address, the offset and the length of a piece must be a multiple of to go past it.
 */
#define VK_BULK_ALIGNMENT 4096u

typedef struct VkBulkWriter {
	int fd;     /* borrowed */
	int direct; /* the same file past the page cache; -1: not here */
	const char *name;
	VkWriteback writeback;
} VkBulkWriter;

/*
 * A buffer of LENGTH bytes for pieces that go past it, on large pages where the kernel has them: a
 * request to a disk takes a limited number of pages, so pages of 4 KiB make many small requests.
 * Free it with vk_bulk_buffer_free().
 */
void *vk_bulk_buffer_new(gsize length);
void vk_bulk_buffer_free(void *buffer); /* takes NULL */

/* FD, open for writing, and NAME, for errors, are borrowed until the end. */
void vk_bulk_writer_init(VkBulkWriter *writer, int fd, const char *name);

/* Writes all LENGTH bytes. Durable only after an fsync of the file. Threads: free. */
gboolean vk_bulk_writer_write(VkBulkWriter *writer, guint64 offset, const void *buf, gsize length,
			      GError **error);

/* Whether writing waits for the disk: then more threads than processors are worth it. */
gboolean vk_bulk_writer_waits(const VkBulkWriter *writer);

/* Takes a writer that is all zeros but for a DIRECT of -1, too. */
void vk_bulk_writer_done(VkBulkWriter *writer);
