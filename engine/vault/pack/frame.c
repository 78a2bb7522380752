/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame.h"

#include "codec.h"
#include "crc.h"
#include "errors.h"
#include "pack-keys.h"

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

/* The slot's entry in the table; NULL unless there is one of KIND. */
static const VkTableEntry *find_entry(const VkPackTable *table, guint32 slot, guint8 kind,
				      GError **error)
{
	const VkTableEntry *entry;
	guint8 flags;

	if (!vk_pack_table_has(table, slot)) {
		damaged(table, slot, "no such slot", error);
		return NULL;
	}
	entry = &table->entries[slot];
	flags = (guint8)(entry->length_flags >> VK_SLOT_FLAG_SHIFT);
	if ((flags & VK_SLOT_KIND) != kind || (flags & ~VK_SLOT_KNOWN_FLAGS) != 0) {
		damaged(table, slot, "it is of another kind", error);
		return NULL;
	}
	return entry;
}

static guint64 frame_start(const VkTableEntry *entry)
{
	return (guint64)entry->offset16 * VK_FRAME_ALIGN;
}

static guint64 frame_end(const VkTableEntry *entry)
{
	return frame_start(entry) + sizeof(VkFrameHeader) +
	       (entry->length_flags & VK_SLOT_LENGTH_MASK);
}

/* Opens the sealed PAYLOAD of the slot. To be freed; NULL on failure. */
static guint8 *open_payload(const VkPackTable *table, guint32 slot, const void *payload,
			    GError **error)
{
	guint32 length_flags = table->entries[slot].length_flags;
	g_autofree guint8 *opened = g_malloc(MAX(length_flags & VK_SLOT_LENGTH_MASK, 1));

	if (!vk_pack_keys_can_open(table->keys, length_flags)) {
		vk_fail(error, VK_ERROR_DENIED,
			"'%s' cannot be read in slot %u: the key in use opens no blocks of "
			"this pack; use one of role full or restore",
			table->object, slot);
		return NULL;
	}
	if (!vk_pack_keys_open_slot(table->keys, &table->id, slot, length_flags, payload, opened)) {
		damaged(table, slot, "it is not what was sealed there", error);
		return NULL;
	}
	return g_steal_pointer(&opened);
}

/* Verifies the slot's FRAME, of the length that ENTRY says. Returns the payload. */
static const void *check_frame(const VkPackContext *context, const VkPackTable *table, guint32 slot,
			       const guint8 *frame, GError **error)
{
	const VkTableEntry *entry = &table->entries[slot];
	const VkFrameHeader *header = (const VkFrameHeader *)(gconstpointer)frame;

	if (GUINT32_FROM_LE(header->magic) != VK_FRAME_MAGIC ||
	    GUINT32_FROM_LE(header->slot) != slot ||
	    GUINT32_FROM_LE(header->length_flags) != entry->length_flags) {
		damaged(table, slot, "the frame is not there", error);
		return NULL;
	}
	if (GUINT32_FROM_LE(header->crc32c) !=
	    vk_frame_checksum(context, &table->id, slot, entry->length_flags, header + 1)) {
		damaged(table, slot, "checksum", error);
		return NULL;
	}
	return header + 1;
}

/*
 * Verifies the slot's FRAME and decodes it into BUF; RET is filled in. *RET_OPENED, to be freed,
 * holds the stored form if FRAME does not.
 */
static gboolean decode_slot(const VkPackContext *context, const VkPackTable *table, guint32 slot,
			    const guint8 *frame, void *buf, VkReadSlot *ret, guint8 **ret_opened,
			    GError **error)
{
	const VkTableEntry *entry = &table->entries[slot];
	guint8 flags = (guint8)(entry->length_flags >> VK_SLOT_FLAG_SHIFT);
	const void *payload = check_frame(context, table, slot, frame, error);

	*ret_opened = NULL;
	if (payload && table->keys)
		payload = *ret_opened = open_payload(table, slot, payload, error);
	if (!payload)
		return FALSE;
	*ret = (VkReadSlot){
		.slot = slot,
		.id = entry->id,
		.stored = payload,
		.stored_length = (entry->length_flags & VK_SLOT_LENGTH_MASK) -
				 (table->keys ? VK_TAG_SIZE : 0),
		.compression = flags & VK_SLOT_COMPRESSION,
		.block = buf,
	};
	if (!vk_decode(ret->compression, payload, ret->stored_length, buf, &ret->length))
		return damaged(table, slot, "it does not decompress", error);
	return ((flags & VK_SLOT_SHORT) != 0) == (ret->length < VK_BLOCK_SIZE) ||
	       damaged(table, slot, "its length", error);
}

static gboolean decode_frame(const VkPackContext *context, const VkPackTable *table, guint32 slot,
			     const guint8 *frame, void *buf, gsize *ret_length, GError **error)
{
	g_autofree guint8 *opened = NULL;
	VkReadSlot read;

	if (!decode_slot(context, table, slot, frame, buf, &read, &opened, error))
		return FALSE;
	*ret_length = read.length;
	return TRUE;
}

static guint8 *read_frame(VkStore *store, const VkPackTable *table, const VkTableEntry *entry,
			  GError **error)
{
	gsize length = (gsize)(frame_end(entry) - frame_start(entry));
	g_autofree guint8 *frame = g_malloc(length);

	if (!vk_mending_get(table->mending, store, table->object, frame_start(entry), frame, length,
			    error))
		return NULL;
	return g_steal_pointer(&frame);
}

/* After TROUBLE with a slot. TRUE: read it again, its pack's parity may give it back. */
static gboolean may_be_mended(VkStore *store, const VkPackContext *context,
			      const VkPackTable *table, GError **trouble)
{
	return vk_mending_try(table->mending, store, context, &table->id, table->object, trouble);
}

static gboolean read_slot(VkStore *store, const VkPackContext *context, const VkPackTable *table,
			  guint32 slot, guint8 kind, void *buf, gsize *ret_length, GError **error)
{
	const VkTableEntry *entry = find_entry(table, slot, kind, error);
	g_autofree guint8 *frame = entry ? read_frame(store, table, entry, error) : NULL;

	return frame && decode_frame(context, table, slot, frame, buf, ret_length, error);
}

gboolean vk_frame_read(VkStore *store, const VkPackContext *context, const VkPackTable *table,
		       guint32 slot, guint8 kind, void *buf, gsize *ret_length, GError **error)
{
	GError *trouble = NULL;

	if (read_slot(store, context, table, slot, kind, buf, ret_length, &trouble) ||
	    (vk_store_distrust(store, table->object, &trouble) &&
	     read_slot(store, context, table, slot, kind, buf, ret_length, &trouble)) ||
	    (may_be_mended(store, context, table, &trouble) &&
	     read_slot(store, context, table, slot, kind, buf, ret_length, &trouble)))
		return TRUE;
	g_propagate_error(error, trouble);
	return FALSE;
}

static guint8 *copy_slot(VkStore *store, const VkPackContext *context, const VkPackTable *table,
			 guint32 slot, gsize *ret_length, GError **error)
{
	guint8 kind = slot < table->slots
			      ? (guint8)(table->entries[slot].length_flags >> VK_SLOT_FLAG_SHIFT) &
					VK_SLOT_KIND
			      : 0;
	const VkTableEntry *entry = find_entry(table, slot, kind, error);
	g_autofree guint8 *frame = entry ? read_frame(store, table, entry, error) : NULL;
	g_autofree guint8 *decoded = g_malloc(VK_BLOCK_SIZE);
	gsize length;

	if (!frame)
		return NULL;
	if (table->keys && !vk_pack_keys_can_open(table->keys, entry->length_flags)) {
		if (!check_frame(context, table, slot, frame, error))
			return NULL;
	} else if (!decode_frame(context, table, slot, frame, decoded, &length, error)) {
		return NULL;
	}
	*ret_length = (gsize)(frame_end(entry) - frame_start(entry));
	return g_steal_pointer(&frame);
}

guint8 *vk_frame_copy(VkStore *store, const VkPackContext *context, const VkPackTable *table,
		      guint32 slot, gsize *ret_length, GError **error)
{
	GError *trouble = NULL;
	guint8 *frame = copy_slot(store, context, table, slot, ret_length, &trouble);

	if (!frame && vk_store_distrust(store, table->object, &trouble))
		frame = copy_slot(store, context, table, slot, ret_length, &trouble);
	if (!frame && may_be_mended(store, context, table, &trouble))
		frame = copy_slot(store, context, table, slot, ret_length, &trouble);
	if (!frame)
		g_propagate_error(error, trouble);
	return frame;
}

/*
 * How many of COUNT slots, at least one, lie behind one another in the pack, without gaps and
 * within one request. The first is there.
 */
static guint32 count_neighbours(const VkPackTable *table, guint32 slot, guint32 count)
{
	const VkTableEntry *first = &table->entries[slot];
	guint32 n = 1;

	while (n < count && slot + n < table->slots) {
		const VkTableEntry *next = first + n;
		guint64 end = frame_end(next - 1);

		if (!vk_pack_table_has(table, slot + n) ||
		    frame_start(next) !=
			    VK_FRAME_ALIGN * ((end + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN) ||
		    frame_end(next) - frame_start(first) > VK_FRAMES_REQUEST_MAX)
			break;
		n++;
	}
	return n;
}

/* Blocks that count_neighbours() found. */
static gboolean read_neighbours(VkStore *store, const VkPackContext *context,
				const VkPackTable *table, guint32 slot, guint32 count, guint8 *buf,
				GError **error)
{
	guint64 start = frame_start(&table->entries[slot]);
	gsize length = (gsize)(frame_end(&table->entries[slot + count - 1]) - start);
	g_autofree guint8 *frames = g_malloc(length);

	if (!vk_mending_get(table->mending, store, table->object, start, frames, length, error))
		return FALSE;
	for (guint32 i = 0; i < count; i++, buf += VK_BLOCK_SIZE) {
		const VkTableEntry *entry = find_entry(table, slot + i, VK_SLOT_KIND_DATA, error);
		gsize got;

		if (!entry ||
		    !decode_frame(context, table, slot + i, frames + (frame_start(entry) - start),
				  buf, &got, error))
			return FALSE;
		if (got < VK_BLOCK_SIZE)
			return damaged(table, slot + i, "it is not a whole block", error);
	}
	return TRUE;
}

static gboolean read_slots(VkStore *store, const VkPackContext *context, const VkPackTable *table,
			   guint32 slot, guint32 count, guint8 *out, GError **error)
{
	while (count > 0) {
		guint32 n;

		if (!find_entry(table, slot, VK_SLOT_KIND_DATA, error))
			return FALSE;
		n = count_neighbours(table, slot, count);
		if (!read_neighbours(store, context, table, slot, n, out, error))
			return FALSE;
		out += (gsize)n * VK_BLOCK_SIZE;
		slot += n;
		count -= n;
	}
	return TRUE;
}

gboolean vk_frames_read_blocks(VkStore *store, const VkPackContext *context,
			       const VkPackTable *table, guint32 slot, guint32 count, void *buf,
			       GError **error)
{
	GError *trouble = NULL;

	if (read_slots(store, context, table, slot, count, buf, &trouble) ||
	    (may_be_mended(store, context, table, &trouble) &&
	     read_slots(store, context, table, slot, count, buf, &trouble)))
		return TRUE;
	g_propagate_error(error, trouble);
	return FALSE;
}

/* Slots that count_neighbours() found. */
static gboolean read_near_slots(VkStore *store, const VkPackContext *context,
				const VkPackTable *table, guint32 slot, guint32 count,
				VkReadSlotFunc func, gpointer user, GError **error)
{
	guint64 start = frame_start(&table->entries[slot]);
	gsize length = (gsize)(frame_end(&table->entries[slot + count - 1]) - start);
	g_autofree guint8 *frames = g_malloc(length);
	g_autofree guint8 *buf = g_malloc(VK_BLOCK_SIZE);

	if (!vk_mending_get(table->mending, store, table->object, start, frames, length, error))
		return FALSE;
	for (guint32 i = 0; i < count; i++) {
		const VkTableEntry *entry = find_entry(table, slot + i, VK_SLOT_KIND_DATA, error);
		g_autofree guint8 *opened = NULL;
		VkReadSlot read;

		if (!entry ||
		    !decode_slot(context, table, slot + i, frames + (frame_start(entry) - start),
				 buf, &read, &opened, error))
			return FALSE;
		func(user, &read);
	}
	return TRUE;
}

static gboolean read_all_slots(VkStore *store, const VkPackContext *context,
			       const VkPackTable *table, guint32 slot, guint32 count,
			       VkReadSlotFunc func, gpointer user, GError **error)
{
	while (count > 0) {
		guint32 n;

		if (!find_entry(table, slot, VK_SLOT_KIND_DATA, error))
			return FALSE;
		n = count_neighbours(table, slot, count);
		if (!read_near_slots(store, context, table, slot, n, func, user, error))
			return FALSE;
		slot += n;
		count -= n;
	}
	return TRUE;
}

gboolean vk_frames_read_slots(VkStore *store, const VkPackContext *context,
			      const VkPackTable *table, guint32 slot, guint32 count,
			      VkReadSlotFunc func, gpointer user, GError **error)
{
	GError *trouble = NULL;

	if (read_all_slots(store, context, table, slot, count, func, user, &trouble) ||
	    (may_be_mended(store, context, table, &trouble) &&
	     read_all_slots(store, context, table, slot, count, func, user, &trouble)))
		return TRUE;
	g_propagate_error(error, trouble);
	return FALSE;
}
