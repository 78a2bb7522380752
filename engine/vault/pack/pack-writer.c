/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-writer.h"

#include "crc.h"
#include "frame-seal.h"
#include "pack-end.h"
#include "pack-id.h"
#include "pack-keys.h"
#include "pack-name.h"

#include <string.h>

/* Frames are gathered up to this, and written. */
#define BUFFER_SIZE (1u << 20)

typedef struct Pack {
	VkPackId id;
	VkPackHeader header;
	VkPackKeys *keys;      /* NULL: the vault is not encrypted */
	VkNewObject *object;   /* NULL until the first write */
	gsize size;            /* of the header and the frames */
	VkParity *parity;      /* NULL: the vault has none */
	VkTableEntry *entries; /* VK_SLOTS_MAX, in host order */
	guint32 slots;
	GHashTable *by_id; /* VkBlockId (in ENTRIES) -> slot, data slots only */
	GError *trouble;   /* the first in writing it: the pack is lost */
} Pack;

struct VkPackWriter {
	VkStore *store;
	const VkPackContext *context;
	guint8 session_id[VK_ID_SIZE];
	VkPackCalls calls;
	gpointer user;
	Pack *open;
	guint8 *buffer; /* what of the open pack is not written yet */
	gsize buffered;
	Pack *sent; /* belongs to SENDER, but for what never changes; NULL: none is under way */
	GThread *sender;
};

static void free_pack(VkStore *store, Pack *pack)
{
	if (pack->object)
		store->ops->drop(pack->object);
	g_hash_table_unref(pack->by_id);
	vk_pack_keys_free(pack->keys);
	vk_parity_free(pack->parity);
	g_free(pack->entries);
	g_clear_error(&pack->trouble);
	g_free(pack);
}

static void open_pack(VkPackWriter *writer)
{
	Pack *pack = g_new0(Pack, 1);
	VkPackHeader *header = &pack->header;

	pack->id = vk_pack_id_random();
	*header = (VkPackHeader){
		.magic = VK_PACK_MAGIC,
		.version = GUINT16_TO_LE(VK_FORMAT_VERSION),
		.header_length = GUINT16_TO_LE(sizeof(VkPackHeader)),
		.created = GUINT64_TO_LE((guint64)g_get_real_time() / G_USEC_PER_SEC),
	};
	memcpy(header->vault_id, writer->context->vault_id, VK_ID_SIZE);
	memcpy(header->pack_id, pack->id.bytes, VK_ID_SIZE);
	memcpy(header->session, writer->session_id, VK_ID_SIZE);
	if (writer->context->keyring)
		pack->keys = vk_pack_keys_new(writer->context->keyring, header);
	header->crc32c = GUINT32_TO_LE(vk_crc32c(0, header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
	memcpy(writer->buffer, header, sizeof(*header));
	pack->size = writer->buffered = sizeof(*header);
	if (writer->context->parity)
		pack->parity = vk_parity_new(writer->context, &pack->id);
	pack->entries = g_new(VkTableEntry, VK_SLOTS_MAX);
	pack->by_id = g_hash_table_new(vk_block_id_hash, vk_block_id_equal);
	writer->open = pack;
}

VkPackWriter *vk_pack_writer_new(VkStore *store, const VkPackContext *context,
				 const guint8 *session_id, const VkPackCalls *calls, gpointer user)
{
	VkPackWriter *writer = g_new0(VkPackWriter, 1);

	writer->store = store;
	writer->context = context;
	memcpy(writer->session_id, session_id, VK_ID_SIZE);
	writer->calls = *calls;
	writer->user = user;
	writer->buffer = g_malloc(BUFFER_SIZE + VK_FRAME_SIZE_MAX);
	open_pack(writer);
	return writer;
}

void vk_pack_writer_free(VkPackWriter *writer)
{
	if (!writer)
		return;
	vk_pack_writer_wait(writer, NULL);
	free_pack(writer->store, writer->open);
	g_free(writer->buffer);
	g_free(writer);
}

gboolean vk_pack_writer_has_room(const VkPackWriter *writer, guint slots, gsize bytes)
{
	/* Each frame may need a header, a tag and padding. */
	gsize worst = bytes + slots * (sizeof(VkFrameHeader) + VK_TAG_SIZE + VK_FRAME_ALIGN);

	return writer->open->slots + slots <= VK_SLOTS_MAX &&
	       writer->open->size + worst <= VK_PACK_SIZE;
}

VkPackId vk_pack_writer_id(const VkPackWriter *writer)
{
	return writer->open->id;
}

static gboolean pack_append(VkStore *store, Pack *pack, const void *bytes, gsize length)
{
	if (pack->trouble)
		return FALSE;
	if (!pack->object) {
		g_autofree char *name = vk_pack_object(&pack->id, 0);

		pack->object = store->ops->begin(store, name, &pack->trouble);
	}
	return pack->object && store->ops->append(pack->object, bytes, length, &pack->trouble);
}

static void write_buffer(VkPackWriter *writer)
{
	Pack *pack = writer->open;

	if (pack->parity)
		vk_parity_add(pack->parity, writer->buffer, writer->buffered);
	pack_append(writer->store, pack, writer->buffer, writer->buffered);
	writer->buffered = 0;
}

static void add_frame(VkPackWriter *writer, const VkNewFrame *frame)
{
	Pack *pack = writer->open;
	gsize size = vk_new_frame_make(frame, writer->context, writer->buffer + writer->buffered);

	g_assert(pack->size + size <= VK_PACK_SIZE);
	pack->size += size;
	writer->buffered += size;
	if (writer->buffered >= BUFFER_SIZE)
		write_buffer(writer);
}

guint32 vk_pack_writer_append(VkPackWriter *writer, const VkNewSlot *slot)
{
	Pack *pack = writer->open;
	guint32 number = pack->slots++;
	VkTableEntry *entry = &pack->entries[number];
	const VkNewFrame frame = {
		.keys = pack->keys,
		.pack = &pack->id,
		.slot = number,
		.bytes = slot->bytes,
		.length = slot->stored_length,
		.flags = slot->compression | slot->kind |
			 (slot->length < VK_BLOCK_SIZE ? VK_SLOT_SHORT : 0),
	};

	g_assert(number < VK_SLOTS_MAX);
	memcpy(entry->id, slot->id.bytes, VK_BLOCK_ID_SIZE);
	entry->offset16 = (guint32)(pack->size / VK_FRAME_ALIGN);
	entry->length_flags = vk_new_frame_length_flags(&frame);
	entry->block = slot->block;
	entry->image = slot->image;
	if (slot->kind == VK_SLOT_KIND_DATA)
		g_hash_table_insert(pack->by_id, entry->id, GUINT_TO_POINTER(number));
	add_frame(writer, &frame);
	return number;
}

static gboolean find_in(const Pack *pack, const VkBlockId *id, VkPackId *ret_pack,
			guint32 *ret_slot)
{
	gpointer slot;

	if (!g_hash_table_lookup_extended(pack->by_id, id->bytes, NULL, &slot))
		return FALSE;
	*ret_pack = pack->id;
	*ret_slot = GPOINTER_TO_UINT(slot);
	return TRUE;
}

gboolean vk_pack_writer_find(const VkPackWriter *writer, const VkBlockId *id, VkPackId *ret_pack,
			     guint32 *ret_slot)
{
	return find_in(writer->open, id, ret_pack, ret_slot) ||
	       (writer->sent && find_in(writer->sent, id, ret_pack, ret_slot));
}

static void tell_slots(const VkPackWriter *writer, const Pack *pack)
{
	GHashTableIter iter;
	gpointer id, slot;

	g_hash_table_iter_init(&iter, pack->by_id);
	while (g_hash_table_iter_next(&iter, &id, &slot))
		writer->calls.on_slot(writer->user, id, &pack->id, GPOINTER_TO_UINT(slot));
}

static gpointer send_pack(gpointer data)
{
	const VkPackWriter *writer = data;
	Pack *pack = writer->sent;
	g_autofree char *name = vk_pack_object(&pack->id, 0);
	gsize length;
	g_autofree guint8 *end =
		vk_pack_end(writer->context, &pack->header, pack->entries, pack->slots, pack->slots,
			    pack->size, pack->parity, &length);
	gboolean ok;

	ok = pack_append(writer->store, pack, end, length) &&
	     writer->store->ops->finish(g_steal_pointer(&pack->object), name, VK_PUT_LATER,
					&pack->trouble);
	if (ok) {
		tell_slots(writer, pack);
		writer->calls.on_done(writer->user, &pack->id, TRUE);
	}
	return NULL;
}

/* Only once no one can find its blocks any more. */
static void lose_pack(VkPackWriter *writer, Pack *pack, GError **error)
{
	writer->calls.on_done(writer->user, &pack->id, FALSE);
	g_propagate_error(error, g_steal_pointer(&pack->trouble));
}

gboolean vk_pack_writer_wait(VkPackWriter *writer, GError **error)
{
	Pack *pack = writer->sent;
	gboolean ok;

	if (!pack)
		return TRUE;
	g_thread_join(g_steal_pointer(&writer->sender));
	writer->sent = NULL;
	ok = !pack->trouble;
	if (!ok)
		lose_pack(writer, pack, error);
	free_pack(writer->store, pack);
	return ok;
}

/* The open pack cannot be written. */
static gboolean lose_open_pack(VkPackWriter *writer, GError **error)
{
	Pack *pack = writer->open;

	open_pack(writer);
	lose_pack(writer, pack, error);
	free_pack(writer->store, pack);
	return FALSE;
}

gboolean vk_pack_writer_send(VkPackWriter *writer, GError **error)
{
	if (!vk_pack_writer_wait(writer, error))
		return FALSE;
	if (writer->open->slots == 0)
		return TRUE;
	write_buffer(writer);
	if (writer->open->trouble)
		return lose_open_pack(writer, error);
	writer->sent = writer->open;
	open_pack(writer);
	writer->sender = g_thread_new("pack", send_pack, writer);
	return TRUE;
}
