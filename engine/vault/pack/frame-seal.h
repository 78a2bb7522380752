/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making the frames of a pack that is being written. Threads: free. */
#pragma once

#include "format.h"
#include "pack-context.h"
#include "pack-id.h"
#include "pack-keys.h"

#include <glib.h>

/* Of a block that did not compress, with its tag and the padding. */
#define VK_FRAME_SIZE_MAX (sizeof(VkFrameHeader) + VK_BLOCK_SIZE + VK_TAG_SIZE + VK_FRAME_ALIGN)

/* A frame to be made. Borrows all. */
typedef struct VkNewFrame {
	const VkPackKeys *keys; /* NULL: it is not sealed */
	const VkPackId *pack;
	guint32 slot;
	const void *bytes; /* the stored form, ... */
	gsize length;      /* ... of so many bytes */
	guint8 flags;      /* VK_SLOT_* */
} VkNewFrame;

/* Its length and flags, as they are in the frame and in the table. */
guint32 vk_new_frame_length_flags(const VkNewFrame *frame);

/* Writes it, with its padding, and returns how many bytes it has: VK_FRAME_SIZE_MAX at most. */
gsize vk_new_frame_make(const VkNewFrame *frame, const VkPackContext *context, guint8 *ret);
