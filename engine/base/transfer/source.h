/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSource: something to be saved as an image, read through a table of calls. virt makes sources
 * of live and shut-off disks, the vault reads them without knowing where they lie. A source gives
 * any number of readers; each reader serves one thread.
 */
#pragma once

#include <glib.h>

typedef enum {
	VK_SOURCE_DATA, /* must be read */
	VK_SOURCE_ZERO, /* allocated, reads as zeros */
	VK_SOURCE_HOLE, /* not allocated, reads as zeros */
	VK_SOURCE_SAME, /* as in the parent image; need not be read */
} VkSourceKind;

typedef struct VkSourceExtent {
	guint64 offset;
	guint64 length;
	VkSourceKind kind;
} VkSourceExtent;

/* Changes are known in units of so many bytes, aligned; the last one may be shorter. */
#define VK_SOURCE_CHANGE_UNIT ((gsize)64 * 1024)

typedef struct VkSource VkSource;
typedef struct VkSourceReader VkSourceReader;

typedef struct VkSourceReaderOps {
	/*
	 * Appends VkSourceExtents that cover [offset, offset+length) exactly, in order, to EXTENTS.
	 * The range lies within the source.
	 */
	gboolean (*map)(VkSourceReader *reader, guint64 offset, guint64 length, GArray *extents,
			GError **error);

	/*
	 * Starts reading LENGTH bytes into BUF, which stays untouched by others until completed.
	 * At most VK_SOURCE_DEPTH reads of at most VK_SOURCE_READ_MAX bytes are under way.
	 */
	gboolean (*submit)(VkSourceReader *reader, guint64 offset, gsize length, void *buf,
			   GError **error);

	/* Waits for the oldest read submitted and not yet completed. */
	gboolean (*complete)(VkSourceReader *reader, GError **error);

	/*
	 * Only of a source that knows its changes: *RET is the first offset at or behind OFFSET
	 * that may differ from the parent, a multiple of VK_SOURCE_CHANGE_UNIT unless it is
	 * OFFSET; the source's size when there is none.
	 */
	gboolean (*seek_change)(VkSourceReader *reader, guint64 offset, guint64 *ret,
				GError **error);

	/*
	 * Only of a source that knows its changes; may be NULL. Everything from *RET on has changed
	 * or reads as zeros.
	 */
	gboolean (*find_tail)(VkSourceReader *reader, guint64 *ret, GError **error);

	/*
	 * Abandons reads under way and frees the reader. The caller may free the buffers after it.
	 */
	void (*free)(VkSourceReader *reader);
} VkSourceReaderOps;

#define VK_SOURCE_DEPTH    4
#define VK_SOURCE_READ_MAX ((gsize)1024 * 1024)

/* Implementations embed these as their first member. */
struct VkSourceReader {
	const VkSourceReaderOps *ops;
};

typedef struct VkSourceOps {
	/* Threads: free. Returns a new reader. */
	VkSourceReader *(*open_reader)(VkSource *source, GError **error);
	/* All readers are gone by then. */
	void (*free)(VkSource *source);
} VkSourceOps;

struct VkSource {
	const VkSourceOps *ops;
	guint64 size;           /* bytes, fixed while the source lives */
	gboolean knows_changes; /* since a parent, with which alone it can be saved */
};

static inline void vk_source_free(VkSource *source)
{
	if (source)
		source->ops->free(source);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSource, vk_source_free)

static inline void vk_source_reader_free(VkSourceReader *reader)
{
	if (reader)
		reader->ops->free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSourceReader, vk_source_reader_free)
