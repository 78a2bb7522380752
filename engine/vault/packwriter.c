/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packwriter.h"

#include "crc.h"
#include "frame.h"
#include "packtable.h"

#include <string.h>

struct VkPackWriter {
	VkBackend *backend;
	guint8 vault_id[VK_ID_SIZE];
	guint8 session_id[VK_ID_SIZE];
	VkPackSlotFunc on_slot;
	gpointer user;
	VkPackId id;
	guint8 *frames; /* VK_PACK_SIZE bytes: the header and the frames */
	gsize used;
	VkTableEntry *entries; /* VK_SLOTS_MAX, in host order */
	guint32 slots;
	GHashTable *by_id; /* VkBlockId (in ENTRIES) -> slot, data slots only */
};

static guint block_id_hash(gconstpointer key)
{
	guint hash;

	memcpy(&hash, key, sizeof(hash));
	return hash;
}

static gboolean block_id_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, VK_BLOCK_ID_SIZE) == 0;
}

static gsize frame_size(gsize payload)
{
	gsize size = sizeof(VkFrameHeader) + payload;

	return (size + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN * VK_FRAME_ALIGN;
}

static void open_pack(VkPackWriter *writer)
{
	VkPackHeader header = {
		.magic = VK_PACK_MAGIC,
		.version = GUINT16_TO_LE(VK_FORMAT_VERSION),
		.header_length = GUINT16_TO_LE(sizeof(VkPackHeader)),
		.created = GUINT64_TO_LE((guint64)g_get_real_time() / G_USEC_PER_SEC),
	};

	writer->id = vk_pack_id_random();
	memcpy(header.vault_id, writer->vault_id, VK_ID_SIZE);
	memcpy(header.pack_id, writer->id.bytes, VK_ID_SIZE);
	memcpy(header.session, writer->session_id, VK_ID_SIZE);
	header.crc32c = GUINT32_TO_LE(vk_crc32c(0, &header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
	memcpy(writer->frames, &header, sizeof(header));
	writer->used = sizeof(header);
	writer->slots = 0;
	g_hash_table_remove_all(writer->by_id);
}

VkPackWriter *vk_pack_writer_new(VkBackend *backend, const guint8 *vault_id,
				 const guint8 *session_id, VkPackSlotFunc on_slot, gpointer user)
{
	VkPackWriter *writer = g_new0(VkPackWriter, 1);

	writer->backend = backend;
	memcpy(writer->vault_id, vault_id, VK_ID_SIZE);
	memcpy(writer->session_id, session_id, VK_ID_SIZE);
	writer->on_slot = on_slot;
	writer->user = user;
	writer->frames = g_malloc(VK_PACK_SIZE);
	writer->entries = g_new(VkTableEntry, VK_SLOTS_MAX);
	writer->by_id = g_hash_table_new(block_id_hash, block_id_equal);
	open_pack(writer);
	return writer;
}

void vk_pack_writer_free(VkPackWriter *writer)
{
	if (!writer)
		return;
	g_hash_table_unref(writer->by_id);
	g_free(writer->entries);
	g_free(writer->frames);
	g_free(writer);
}

gboolean vk_pack_writer_has_room(const VkPackWriter *writer, guint slots, gsize bytes)
{
	/* Each frame may need a header and padding. */
	gsize worst = bytes + slots * (sizeof(VkFrameHeader) + VK_FRAME_ALIGN);

	return writer->slots + slots <= VK_SLOTS_MAX && writer->used + worst <= VK_PACK_SIZE;
}

VkPackId vk_pack_writer_id(const VkPackWriter *writer)
{
	return writer->id;
}

guint32 vk_pack_writer_append(VkPackWriter *writer, const VkNewSlot *slot)
{
	guint32 number = writer->slots++;
	VkTableEntry *entry = &writer->entries[number];
	gsize size = frame_size(slot->stored_length);
	guint8 flags = slot->compression | slot->kind;
	VkFrameHeader header;
	guint8 *frame = writer->frames + writer->used;

	g_assert(number < VK_SLOTS_MAX && writer->used + size <= VK_PACK_SIZE);
	if (slot->length < VK_BLOCK_SIZE)
		flags |= VK_SLOT_SHORT;
	memcpy(entry->id, slot->id.bytes, VK_BLOCK_ID_SIZE);
	entry->offset16 = (guint32)(writer->used / VK_FRAME_ALIGN);
	entry->length_flags = (guint32)slot->stored_length | (guint32)flags << VK_SLOT_FLAG_SHIFT;
	entry->block = slot->block;
	entry->image = slot->image;

	header.magic = GUINT32_TO_LE(VK_FRAME_MAGIC);
	header.slot = GUINT32_TO_LE(number);
	header.length_flags = GUINT32_TO_LE(entry->length_flags);
	header.crc32c = GUINT32_TO_LE(vk_frame_checksum(writer->vault_id, &writer->id, number,
							entry->length_flags, slot->bytes));
	memcpy(frame, &header, sizeof(header));
	memcpy(frame + sizeof(header), slot->bytes, slot->stored_length);
	memset(frame + sizeof(header) + slot->stored_length, 0,
	       size - sizeof(header) - slot->stored_length);
	writer->used += size;
	if (slot->kind == VK_SLOT_KIND_DATA)
		g_hash_table_insert(writer->by_id, entry->id, GUINT_TO_POINTER(number));
	return number;
}

gboolean vk_pack_writer_find(const VkPackWriter *writer, const VkBlockId *id, guint32 *ret_slot)
{
	gpointer slot;

	if (!g_hash_table_lookup_extended(writer->by_id, id->bytes, NULL, &slot))
		return FALSE;
	*ret_slot = GPOINTER_TO_UINT(slot);
	return TRUE;
}

static void entries_to_le(VkTableEntry *entries, guint32 slots)
{
	for (guint32 i = 0; i < slots; i++) {
		entries[i].offset16 = GUINT32_TO_LE(entries[i].offset16);
		entries[i].length_flags = GUINT32_TO_LE(entries[i].length_flags);
		entries[i].block = GUINT32_TO_LE(entries[i].block);
		entries[i].image = GUINT32_TO_LE(entries[i].image);
	}
}

static VkPackTrailer make_trailer(const VkPackWriter *writer)
{
	gsize table_length = writer->slots * sizeof(VkTableEntry);
	guint32 crc = vk_crc32c(0, writer->vault_id, VK_ID_SIZE);
	VkPackTrailer trailer = {
		.table_offset = GUINT64_TO_LE(writer->used),
		.table_length = GUINT32_TO_LE((guint32)table_length),
		.slots = GUINT32_TO_LE(writer->slots),
		.live = GUINT32_TO_LE(writer->slots),
		.magic = GUINT32_TO_LE(VK_TRAILER_MAGIC),
	};

	crc = vk_crc32c(crc, writer->id.bytes, VK_ID_SIZE);
	trailer.table_crc32c = GUINT32_TO_LE(vk_crc32c(crc, writer->entries, table_length));
	trailer.crc32c =
		GUINT32_TO_LE(vk_crc32c(0, &trailer, G_STRUCT_OFFSET(VkPackTrailer, crc32c)));
	return trailer;
}

static void tell_slots(const VkPackWriter *writer)
{
	GHashTableIter iter;
	gpointer id, slot;

	g_hash_table_iter_init(&iter, writer->by_id);
	while (g_hash_table_iter_next(&iter, &id, &slot))
		writer->on_slot(writer->user, id, &writer->id, GPOINTER_TO_UINT(slot));
}

gboolean vk_pack_writer_finish(VkPackWriter *writer, GError **error)
{
	g_autofree char *object = vk_pack_object(&writer->id, 0);
	VkPackTrailer trailer;
	gboolean ok;

	if (writer->slots == 0)
		return TRUE;
	entries_to_le(writer->entries, writer->slots);
	trailer = make_trailer(writer);
	struct iovec parts[] = {
		{writer->frames, writer->used},
		{writer->entries, writer->slots * sizeof(VkTableEntry)},
		{&trailer, sizeof(trailer)},
	};

	ok = writer->backend->ops->put(writer->backend, object, parts, G_N_ELEMENTS(parts),
				       VK_PUT_LATER, error);
	if (ok && writer->on_slot)
		tell_slots(writer);
	open_pack(writer);
	return ok;
}
