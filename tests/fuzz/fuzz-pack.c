/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pack of anybody: header, trailer, table and frames, which may be compressed. It is read as it
 * is, and again with right checksums, because a fuzzer does not guess these. No block is longer
 * than a block can be, whatever it claims. It is also scanned, as somebody with and without keys.
 */
#include "crc.h"
#include "frame.h"
#include "fuzz.h"
#include "input-store.h"
#include "pack-name.h"
#include "pack-scan.h"
#include "pack-table.h"

#include <string.h>

#define SLOTS_MAX 64u

static const VkPackContext context = {.vault_id = "vault-id-16bytes"};
static const VkPackId id = {"pack-id-16-bytes"};

/* Reads all that the table says is there. */
static void read_slots(VkStore *store, const VkPackTable *table)
{
	static const guint8 kinds[] = {VK_SLOT_KIND_DATA, VK_SLOT_KIND_MAP, VK_SLOT_KIND_DIRECTORY};
	g_autofree guint8 *block = g_malloc(VK_BLOCK_SIZE);

	for (guint32 slot = 0; slot < MIN(table->slots, SLOTS_MAX); slot++) {
		gsize length = 0;

		for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
			if (vk_frame_read(store, &context, table, slot, kinds[i], block, &length,
					  NULL))
				g_assert(length <= VK_BLOCK_SIZE);
		g_free(vk_frame_copy(store, &context, table, slot, &length, NULL));
		vk_frames_read_blocks(store, &context, table, slot, 1, block, NULL);
	}
}

/* What is sound is not bad. */
static void scan(VkStore *store, const char *object, gboolean is_locked)
{
	VkPackContext seen = context;
	const VkPackScanner scanner = {.store = store, .context = &seen};
	g_auto(VkPackScan) found = {0};

	seen.is_locked = is_locked;
	if (!vk_pack_scan(&scanner, &id, object, &found, NULL))
		return;
	g_assert(found.n_sound == vk_slots_count(&found.sound));
	for (gsize i = 0; i < sizeof(found.sound.bits); i++)
		g_assert((found.sound.bits[i] & found.bad.bits[i]) == 0);
	g_assert(found.what || vk_slots_count(&found.bad) + found.n_nameless == 0);
}

static void read_pack(VkStore *store)
{
	g_autofree char *object = vk_pack_object(&id, 0);
	g_autoptr(VkPackTable) table = vk_pack_table_load(store, &context, &id, object, NULL);
	guint32 live;
	guint64 bytes;

	vk_pack_table_summarize(store, object, &live, &bytes, NULL);
	if (table)
		read_slots(store, table);
	scan(store, object, FALSE);
	scan(store, object, TRUE);
}

static void repair_frame(guint8 *pack, gsize size, guint32 slot, const VkTableEntry *entry)
{
	guint64 offset = (guint64)GUINT32_FROM_LE(entry->offset16) * VK_FRAME_ALIGN;
	guint32 length_flags = GUINT32_FROM_LE(entry->length_flags);
	VkFrameHeader frame = {.magic = GUINT32_TO_LE(VK_FRAME_MAGIC),
			       .slot = GUINT32_TO_LE(slot),
			       .length_flags = entry->length_flags};

	if (offset > size || size - offset < sizeof(frame) ||
	    size - offset - sizeof(frame) < (length_flags & VK_SLOT_LENGTH_MASK))
		return;
	frame.crc32c = GUINT32_TO_LE(vk_frame_checksum(&context, &id, slot, length_flags,
						       pack + offset + sizeof(frame)));
	memcpy(pack + offset, &frame, sizeof(frame));
}

/* The frames that the table names, and the table itself. */
static void repair_table(guint8 *pack, gsize size, VkPackTrailer *trailer)
{
	guint64 at = GUINT64_FROM_LE(trailer->table_offset);
	gsize length = GUINT32_FROM_LE(trailer->slots) * sizeof(VkTableEntry);

	if (GUINT32_FROM_LE(trailer->slots) > SLOTS_MAX || at > size || size - at < length)
		return;
	for (guint32 slot = 0; slot < GUINT32_FROM_LE(trailer->slots); slot++) {
		VkTableEntry entry;

		memcpy(&entry, pack + at + slot * sizeof(entry), sizeof(entry));
		repair_frame(pack, at, slot, &entry);
	}
	trailer->table_length = GUINT32_TO_LE((guint32)length);
	trailer->table_crc32c =
		GUINT32_TO_LE(vk_crc32c(vk_pack_context_crc(&context, &id), pack + at, length));
}

static void repair(guint8 *pack, gsize size)
{
	VkPackHeader header;
	VkPackTrailer trailer;

	if (size < sizeof(header) + sizeof(trailer))
		return;
	memcpy(&header, pack, sizeof(header));
	memcpy(header.magic, VK_PACK_MAGIC, sizeof(header.magic));
	memcpy(header.vault_id, context.vault_id, VK_ID_SIZE);
	memcpy(header.pack_id, id.bytes, VK_ID_SIZE);
	header.crc32c = GUINT32_TO_LE(vk_crc32c(0, &header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
	memcpy(pack, &header, sizeof(header));
	memcpy(&trailer, pack + size - sizeof(trailer), sizeof(trailer));
	repair_table(pack, size - sizeof(trailer), &trailer);
	trailer.magic = GUINT32_TO_LE(VK_TRAILER_MAGIC);
	trailer.crc32c =
		GUINT32_TO_LE(vk_crc32c(0, &trailer, G_STRUCT_OFFSET(VkPackTrailer, crc32c)));
	memcpy(pack + size - sizeof(trailer), &trailer, sizeof(trailer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree guint8 *pack = g_malloc(size + 1);
	g_autofree char *object = vk_pack_object(&id, 0);
	VkStore *store = input_store_new();

	if (size > 0)
		memcpy(pack, data, size);
	input_store_add(store, object, pack, size);
	read_pack(store);
	repair(pack, size);
	input_store_add(store, object, pack, size);
	read_pack(store);
	store->ops->free(store);
	return 0;
}
