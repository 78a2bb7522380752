/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame.h"

#include "codec.h"
#include "crc.h"
#include "errors.h"

guint32 vk_frame_checksum(const VkPackContext *context, const VkPackId *pack, guint32 slot,
			  guint32 length_flags, const void *payload)
{
	guint32 numbers[2] = {GUINT32_TO_LE(slot), GUINT32_TO_LE(length_flags)};
	guint32 crc = vk_pack_context_crc(context, pack);

	crc = vk_crc32c(crc, numbers, sizeof(numbers));
	return vk_crc32c(crc, payload, length_flags & VK_SLOT_LENGTH_MASK);
}

static gboolean damaged(const VkPackTable *table, guint32 slot, const char *what, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged in slot %u: %s", table->object,
		       slot, what);
}

gboolean vk_frame_read(VkStore *store, const VkPackContext *context, const VkPackTable *table,
		       guint32 slot, guint8 kind, void *buf, gsize *ret_length, GError **error)
{
	const VkTableEntry *entry = slot < table->slots ? &table->entries[slot] : NULL;
	g_autofree guint8 *frame = NULL;
	const VkFrameHeader *header;
	guint32 length;
	guint8 flags;

	if (!entry || entry->length_flags == 0)
		return damaged(table, slot, "no such slot", error);
	length = entry->length_flags & VK_SLOT_LENGTH_MASK;
	flags = (guint8)(entry->length_flags >> VK_SLOT_FLAG_SHIFT);
	if ((flags & VK_SLOT_KIND) != kind || (flags & ~VK_SLOT_KNOWN_FLAGS) != 0)
		return damaged(table, slot, "it is of another kind", error);

	frame = g_malloc(sizeof(*header) + length);
	if (!store->ops->get(store, table->object, (guint64)entry->offset16 * VK_FRAME_ALIGN, frame,
			     sizeof(*header) + length, error))
		return FALSE;
	header = (const VkFrameHeader *)(gconstpointer)frame;
	if (GUINT32_FROM_LE(header->magic) != VK_FRAME_MAGIC ||
	    GUINT32_FROM_LE(header->slot) != slot ||
	    GUINT32_FROM_LE(header->length_flags) != entry->length_flags)
		return damaged(table, slot, "the frame is not there", error);
	if (GUINT32_FROM_LE(header->crc32c) !=
	    vk_frame_checksum(context, &table->id, slot, entry->length_flags, header + 1))
		return damaged(table, slot, "checksum", error);
	if (!vk_decode(flags & VK_SLOT_COMPRESSION, header + 1, length, buf, ret_length))
		return damaged(table, slot, "it does not decompress", error);
	if (((flags & VK_SLOT_SHORT) != 0) != (*ret_length < VK_BLOCK_SIZE))
		return damaged(table, slot, "its length", error);
	return TRUE;
}
