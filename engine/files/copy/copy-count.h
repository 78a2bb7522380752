/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkCopyCount: what a copy has done. */
#pragma once

#include <glib.h>

/* Further warnings of one kind are only counted. */
#define VK_COPY_WARNINGS_MAX 100

typedef struct VkCopyCount {
	guint64 files, directories, links;
	guint64 bytes;   /* of the files, without their holes */
	guint64 skipped; /* devices, FIFOs and sockets */
	guint64 failed;  /* entries that could not be written, each of which was warned of */
	guint64 refused; /* extended attributes that were not copied, likewise */
} VkCopyCount;
