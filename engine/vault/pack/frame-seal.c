/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame-seal.h"

#include "frame.h"

#include <string.h>

/* How many bytes are stored: the payload, and if it is sealed, a tag. */
static gsize stored_length(const VkNewFrame *frame)
{
	return frame->length + (frame->keys ? VK_TAG_SIZE : 0);
}

guint32 vk_new_frame_length_flags(const VkNewFrame *frame)
{
	return (guint32)stored_length(frame) | (guint32)frame->flags << VK_SLOT_FLAG_SHIFT;
}

gsize vk_new_frame_make(const VkNewFrame *frame, const VkPackContext *context, guint8 *ret)
{
	guint32 length_flags = vk_new_frame_length_flags(frame);
	gsize length = sizeof(VkFrameHeader) + stored_length(frame);
	gsize size = (length + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN * VK_FRAME_ALIGN;
	guint8 *payload = ret + sizeof(VkFrameHeader);
	VkFrameHeader header = {
		.magic = GUINT32_TO_LE(VK_FRAME_MAGIC),
		.slot = GUINT32_TO_LE(frame->slot),
		.length_flags = GUINT32_TO_LE(length_flags),
	};

	if (frame->keys)
		vk_pack_keys_seal(frame->keys, frame->pack, frame->slot, length_flags, frame->bytes,
				  frame->length, payload);
	else
		memcpy(payload, frame->bytes, frame->length);
	memset(ret + length, 0, size - length);
	header.crc32c = GUINT32_TO_LE(
		vk_frame_checksum(context, frame->pack, frame->slot, length_flags, payload));
	memcpy(ret, &header, sizeof(header));
	return size;
}
