/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-end.h"

#include "crc.h"
#include "pack-keys.h"

#include <string.h>

static VkTableEntry *to_little_endian(const VkTableEntry *entries, guint32 slots)
{
	VkTableEntry *copy = g_memdup2(entries, slots * sizeof(*entries));

	for (guint32 i = 0; i < slots; i++) {
		copy[i].offset16 = GUINT32_TO_LE(copy[i].offset16);
		copy[i].length_flags = GUINT32_TO_LE(copy[i].length_flags);
		copy[i].block = GUINT32_TO_LE(copy[i].block);
		copy[i].image = GUINT32_TO_LE(copy[i].image);
	}
	return copy;
}

guint8 *vk_pack_end(const VkPackContext *context, const VkPackHeader *header,
		    const VkTableEntry *entries, guint32 slots, guint32 live, guint64 offset,
		    gsize *ret_length)
{
	g_autofree VkTableEntry *table = to_little_endian(entries, slots);
	gsize length = slots * sizeof(VkTableEntry);
	gsize stored = length + (context->keyring ? VK_TAG_SIZE : 0);
	guint8 *end = g_malloc(stored + sizeof(VkPackTrailer));
	VkPackId id;
	VkPackTrailer trailer = {
		.table_offset = GUINT64_TO_LE(offset),
		.table_length = GUINT32_TO_LE((guint32)stored),
		.slots = GUINT32_TO_LE(slots),
		.live = GUINT32_TO_LE(live),
		.magic = GUINT32_TO_LE(VK_TRAILER_MAGIC),
	};

	memcpy(id.bytes, header->pack_id, VK_ID_SIZE);
	if (context->keyring)
		vk_pack_table_seal(context->keyring, header, &trailer, table, length, end);
	else if (length > 0)
		memcpy(end, table, length);
	trailer.table_crc32c =
		GUINT32_TO_LE(vk_crc32c(vk_pack_context_crc(context, &id), end, stored));
	trailer.crc32c =
		GUINT32_TO_LE(vk_crc32c(0, &trailer, G_STRUCT_OFFSET(VkPackTrailer, crc32c)));
	memcpy(end + stored, &trailer, sizeof(trailer));
	*ret_length = stored + sizeof(trailer);
	return end;
}
