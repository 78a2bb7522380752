/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-end.h"

#include "crc.h"
#include "pack-keys.h"
#include "pack-trailer.h"

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

/* Appends the table as it is stored, and says in TRAILER what it is. */
static void add_table(const VkPackContext *context, const VkPackHeader *header,
		      const VkTableEntry *entries, VkPackTrailer *trailer, GByteArray *end)
{
	const guint32 slots = GUINT32_FROM_LE(trailer->slots);
	g_autofree VkTableEntry *table = to_little_endian(entries, slots);
	gsize length = slots * sizeof(VkTableEntry);
	gsize stored = length + (context->keyring ? VK_TAG_SIZE : 0);
	VkPackId id;

	memcpy(id.bytes, header->pack_id, VK_ID_SIZE);
	g_byte_array_set_size(end, (guint)stored);
	if (context->keyring)
		vk_pack_table_seal(context->keyring, header, trailer, table, length, end->data);
	else if (length > 0)
		memcpy(end->data, table, length);
	trailer->table_length = GUINT32_TO_LE((guint32)stored);
	trailer->table_crc32c =
		GUINT32_TO_LE(vk_crc32c(vk_pack_context_crc(context, &id), end->data, stored));
}

guint8 *vk_pack_end(const VkPackContext *context, const VkPackHeader *header,
		    const VkTableEntry *entries, guint32 slots, guint32 live, guint64 offset,
		    VkParity *parity, gsize *ret_length)
{
	GByteArray *end = g_byte_array_new();
	VkPackTrailer trailer = {
		.table_offset = GUINT64_TO_LE(offset),
		.slots = GUINT32_TO_LE(slots),
		.live = GUINT32_TO_LE(live),
		.magic = GUINT32_TO_LE(VK_TRAILER_MAGIC),
	};

	add_table(context, header, entries, &trailer, end);
	if (parity) {
		vk_parity_add(parity, end->data, end->len);
		vk_parity_finish(parity, &trailer, end);
	} else {
		vk_pack_trailer_seal(&trailer);
		g_byte_array_append(end, (const guint8 *)&trailer, sizeof(trailer));
	}
	*ret_length = end->len;
	return g_byte_array_free(end, FALSE);
}
