/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBulkWriter: writes much to one file or block device, from any number of threads. Large aligned
 * pieces go to the disk past the page cache if the file system says how (statx(2), STATX_DIOALIGN).
 * The kernel lets only one thread at a time write to the cache of a file, while the others spin. It
 * also drops what the host has cached for its guests.
 */
#pragma once

#include "io.h"

#include <glib.h>

/* A piece goes past the page cache if its address, offset and length are multiples of this. */
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

/* Also takes a writer that was never initialised: all zeros, and DIRECT -1. */
void vk_bulk_writer_done(VkBulkWriter *writer);
