/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSink: where restored bytes go, through a table of calls. A file sink writes beside its
 * destination under a temporary name; the commit gives it its name. A block device and stdout are
 * written directly. Freed before the commit, a file sink leaves nothing behind. Threads: writes and
 * zeros as in_order says, all else one at a time.
 */
#pragma once

#include "qemu-image.h"

#include <glib.h>
#include <sys/types.h>

typedef enum {
	VK_PLACE_FILE,
	VK_PLACE_BLOCK, /* a block device: overwritten, cannot be undone */
	VK_PLACE_STDOUT,
} VkPlaceKind;

typedef struct VkPlace {
	VkPlaceKind kind;
	char *path;         /* without symbolic links; NULL for stdout */
	const char *format; /* "raw" or "qcow2"; raw only for what is not a file. Static */
	const char
		*secret; /* the file with the passphrase of LUKS; NULL: not encrypted. Borrowed */
	char *options;   /* of "qemu-img create"; nullable */
	const VkQemuLayer *backing; /* what a qcow2 file stands on; NULL: nothing. Borrowed */
	guint backing_count;
	guint64 size; /* bytes */
	mode_t mode;  /* permissions, nothing else */
	uid_t uid;    /* (uid_t)-1: that of this process */
	gid_t gid;    /* (gid_t)-1: that of this process */
} VkPlace;

typedef struct VkSink VkSink;

typedef struct VkSinkOps {
	gboolean (*write)(VkSink *sink, guint64 offset, const void *buf, gsize length,
			  GError **error);
	/* For sinks that do not read as zeros where nothing was written; NULL for the others. */
	gboolean (*zero)(VkSink *sink, guint64 offset, guint64 length, GError **error);
	/* All bytes were written: flushes and closes. No write after it. */
	gboolean (*finish)(VkSink *sink, GError **error);
	/* After the finish: gives a file its name. Without REPLACE VK_ERROR_EXISTS is possible. */
	gboolean (*commit)(VkSink *sink, gboolean replace, GError **error);
	void (*free)(VkSink *sink);
} VkSinkOps;

/* Implementations embed this as their first member. */
struct VkSink {
	const VkSinkOps *ops;
	gboolean in_order; /* writes and zeros must come from one thread, ascending; else any */
	gboolean waits;    /* a write waits for the disk: more threads can decode meanwhile */
};

/* Opens the sink that PLACE asks for. PLACE is copied. */
VkSink *vk_sink_new(const VkPlace *place, GError **error);

/*
 * A file that another program fills before the finish: *RET_TEMPORARY, which is empty and borrowed
 * until the commit. It takes no writes.
 */
VkSink *vk_sink_clone_new(const VkPlace *place, const char **ret_temporary, GError **error);

/* VK_ERROR_FAILED when PLACE, a block device, is too small. Nothing is written. */
gboolean vk_sink_block_check(const VkPlace *place, GError **error);

/*
 * A block device that an array overwrites in place: *RET_PATH is it. It must not be in use, as for
 * a sink that writes to it.
 */
VkSink *vk_sink_overwritten_new(const VkPlace *place, const char **ret_path, GError **error);

static inline void vk_sink_free(VkSink *sink)
{
	if (sink)
		sink->ops->free(sink);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSink, vk_sink_free)
