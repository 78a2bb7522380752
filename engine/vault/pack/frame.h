/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading slots of a pack. Threads: free.
 */
#pragma once

#include "store.h"
#include "pack-context.h"
#include "pack-table.h"

#include <glib.h>

/* The checksum of a frame: over the vault, the address, length and flags, and the payload. */
guint32 vk_frame_checksum(const VkPackContext *context, const VkPackId *pack, guint32 slot,
			  guint32 length_flags, const void *payload);

/*
 * Reads, verifies and decodes a slot. KIND is the VK_SLOT_KIND_* that it must have. BUF has
 * VK_BLOCK_SIZE bytes. VK_ERROR_DAMAGE names the pack and the slot; VK_ERROR_DENIED: the keyring
 * does not open it.
 */
gboolean vk_frame_read(VkStore *store, const VkPackContext *context, const VkPackTable *table,
		       guint32 slot, guint8 kind, void *buf, gsize *ret_length, GError **error);

/*
 * Reads and verifies a slot of any kind and returns its frame as it is in the pack, *RET_LENGTH
 * bytes without the padding, to be freed. VK_ERROR_DAMAGE names the pack and the slot. Of a sealed
 * slot that the keyring does not open, only the checksum is verified.
 */
guint8 *vk_frame_copy(VkStore *store, const VkPackContext *context, const VkPackTable *table,
		      guint32 slot, gsize *ret_length, GError **error);

/* No request is larger. A frame with a block that did not compress is a little more than a block.
 */
#define VK_FRAMES_REQUEST_MAX ((guint64)1024 * 1024)

/*
 * Reads, verifies and decodes the whole blocks of COUNT slots from SLOT on into BUF. Frames that
 * lie together in the pack are one request. VK_ERROR_DAMAGE names the pack and the slot, also if
 * one is not of kind DATA or is shorter than a block.
 */
gboolean vk_frames_read_blocks(VkStore *store, const VkPackContext *context,
			       const VkPackTable *table, guint32 slot, guint32 count, void *buf,
			       GError **error);

/* A slot that was read. All is borrowed for the call. */
typedef struct VkReadSlot {
	guint32 slot;
	const guint8 *id;   /* of the block, VK_BLOCK_ID_SIZE bytes, as the table has it */
	const void *stored; /* its stored form, unsealed; NULL: not known */
	gsize stored_length;
	guint8 compression; /* of the stored form: VK_COMPRESSION_* */
	const void *block;  /* what it decodes to */
	gsize length;
} VkReadSlot;

typedef void (*VkReadSlotFunc)(gpointer user, const VkReadSlot *slot);

/*
 * The same for blocks of any length: calls FUNC for each slot in order, and may begin again when
 * the pack is mended.
 */
gboolean vk_frames_read_slots(VkStore *store, const VkPackContext *context,
			      const VkPackTable *table, guint32 slot, guint32 count,
			      VkReadSlotFunc func, gpointer user, GError **error);
