/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkExtent: blocks of an image that follow each other, and where they lie. Threads: free. */
#pragma once

#include "format.h"

#include <glib.h>

/* COUNT blocks from FIRST on, of one kind; data lies in consecutive slots of one pack. */
typedef struct VkExtent {
	guint32 first;
	guint32 count;
	VkExtentKind kind;
	VkPackId pack; /* data only */
	guint32 slot;  /* data only: of FIRST */
} VkExtent;

/* Whether NEXT goes on where EXTENT ends, so that both can be one. Not for one without blocks. */
gboolean vk_extent_continues(const VkExtent *extent, const VkExtent *next);

/* The number of blocks of an image of SIZE bytes, at most VK_IMAGE_SIZE_MAX. */
guint32 vk_blocks_of_size(guint64 size);
