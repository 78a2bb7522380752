/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-table.h"

#include "crc.h"
#include "errors.h"
#include "pack-header.h"
#include "pack-trailer.h"

#include <string.h>

VkPackTable *vk_pack_table_ref(VkPackTable *table)
{
	g_atomic_ref_count_inc(&table->refs);
	return table;
}

void vk_pack_table_unref(VkPackTable *table)
{
	if (!table || !g_atomic_ref_count_dec(&table->refs))
		return;
	g_free(table->object);
	vk_pack_keys_free(table->keys);
	vk_mending_free(table->mending);
	g_free(table->entries);
	g_free(table);
}

gboolean vk_pack_table_has(const VkPackTable *table, guint32 slot)
{
	return slot < table->slots && vk_pack_table_length(table, slot) > 0;
}

gboolean vk_pack_table_has_data(const VkPackTable *table, guint32 slot)
{
	return vk_pack_table_has(table, slot) &&
	       (table->entries[slot].length_flags >> VK_SLOT_FLAG_SHIFT & VK_SLOT_KIND) ==
		       VK_SLOT_KIND_DATA;
}

gsize vk_pack_table_length(const VkPackTable *table, guint32 slot)
{
	return table->entries[slot].length_flags & VK_SLOT_LENGTH_MASK;
}

static gboolean damaged(const char *object, const char *what, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", object, what);
}

/* Trailer and largest table, with its tag. Small packs are in it as a whole. */
#define TAIL_LENGTH (256u << 10)

/* A pack that is being read. */
typedef struct Reading {
	VkStore *store;
	const VkPackContext *context;
	VkPackTable *table;
	GBytes *tail; /* the last bytes of the object; NULL: each part is read by itself */
	guint64 size; /* of the object; with TAIL alone */
} Reading;

static gboolean read_part(const Reading *reading, guint64 offset, void *buf, gsize length,
			  GError **error)
{
	gsize kept = 0;
	const guint8 *bytes = reading->tail ? g_bytes_get_data(reading->tail, &kept) : NULL;
	guint64 start = reading->size - kept;

	if (!bytes || offset < start || offset + length > reading->size)
		return vk_mending_get(reading->table->mending, reading->store,
				      reading->table->object, offset, buf, length, error);
	memcpy(buf, bytes + (offset - start), length);
	return TRUE;
}

static gboolean check_header(const Reading *reading, GError **error)
{
	const VkPackContext *context = reading->context;
	VkPackTable *table = reading->table;
	VkPackHeader *header = &table->header;

	if (!read_part(reading, 0, header, sizeof(*header), error))
		return FALSE;
	if (!vk_pack_header_check(header, context, &table->id, table->object, error))
		return FALSE;
	if (context->is_locked)
		return vk_fail(error, VK_ERROR_DENIED, "'%s' is sealed, and no key is in use",
			       table->object);
	if (!context->keyring)
		return TRUE;
	table->keys = vk_pack_keys_open(context->keyring, header, table->object, error);
	return table->keys != NULL;
}

/* How long the table of SLOTS entries is as it is stored. */
static guint64 stored_length(const VkPackTable *table)
{
	return table->slots * sizeof(VkTableEntry) + (table->keys ? VK_TAG_SIZE : 0);
}

gboolean vk_pack_table_summarize(VkStore *store, const char *object, guint32 *ret_live,
				 guint64 *ret_bytes, GError **error)
{
	VkPackTrailer trailer;

	if (!vk_pack_trailer_read(store, object, &trailer, error))
		return FALSE;
	*ret_live = GUINT32_FROM_LE(trailer.live);
	*ret_bytes = GUINT64_FROM_LE(trailer.table_offset) - sizeof(VkPackHeader);
	return TRUE;
}

/* Reads the table as TRAILER says, and opens it if it is sealed. */
static gboolean read_entries(const Reading *reading, const VkPackTrailer *trailer, GError **error)
{
	const VkPackContext *context = reading->context;
	VkPackTable *table = reading->table;
	gsize length = stored_length(table);
	g_autofree guint8 *stored = g_malloc(MAX(length, 1));

	if (GUINT32_FROM_LE(trailer->table_length) != length)
		return damaged(table->object, "its trailer contradicts its size", error);
	if (!read_part(reading, GUINT64_FROM_LE(trailer->table_offset), stored, length, error))
		return FALSE;
	if (GUINT32_FROM_LE(trailer->table_crc32c) !=
	    vk_crc32c(vk_pack_context_crc(context, &table->id), stored, length))
		return damaged(table->object, "checksum of its table", error);
	if (!table->keys) {
		table->entries = (VkTableEntry *)(gpointer)g_steal_pointer(&stored);
		return TRUE;
	}
	table->entries = g_malloc(length);
	return vk_pack_table_open(context->keyring, &table->header, trailer, stored, length,
				  table->entries) ||
	       damaged(table->object, "its table is not what was sealed there", error);
}

/* Brings the entries into host order and checks that each frame lies before the table. */
static gboolean take_entries(VkPackTable *table, guint64 table_offset, GError **error)
{
	const guint64 longest = VK_BLOCK_SIZE + (table->keys ? VK_TAG_SIZE : 0);

	for (guint32 i = 0; i < table->slots; i++) {
		VkTableEntry *entry = &table->entries[i];
		guint64 offset, length;

		entry->offset16 = GUINT32_FROM_LE(entry->offset16);
		entry->length_flags = GUINT32_FROM_LE(entry->length_flags);
		entry->block = GUINT32_FROM_LE(entry->block);
		entry->image = GUINT32_FROM_LE(entry->image);
		offset = (guint64)entry->offset16 * VK_FRAME_ALIGN;
		length = entry->length_flags & VK_SLOT_LENGTH_MASK;
		if (length > longest || (table->keys && length > 0 && length < VK_TAG_SIZE) ||
		    offset + sizeof(VkFrameHeader) + length > table_offset)
			return damaged(table->object, "a slot lies outside of it", error);
	}
	return TRUE;
}

/* From the place where it lies, or what the parity gives back of it. */
static gboolean get_trailer(const Reading *reading, VkPackTrailer *ret, GError **error)
{
	const VkPackTable *table = reading->table;
	const VkMended *mended = vk_mending_mended(table->mending);

	if (reading->tail)
		return vk_pack_trailer_parse(reading->tail, reading->size, table->object, ret,
					     error);
	if (!mended)
		return vk_pack_trailer_read(reading->store, table->object, ret, error);
	*ret = *vk_mended_trailer(mended);
	return vk_pack_trailer_check(ret, vk_mended_covered(mended), table->object, error);
}

/* Where a request takes longer than some bytes more, one fetches all that lies at the end. */
static gboolean fetch_tail(Reading *reading, GError **error)
{
	VkStore *store = reading->store;

	if (!store->ops->get_tail || vk_mending_mended(reading->table->mending))
		return TRUE;
	reading->tail = vk_store_get_tail(store, reading->table->object, TAIL_LENGTH,
					  &reading->size, error);
	return reading->tail != NULL;
}

static gboolean load(VkStore *store, const VkPackContext *context, VkPackTable *table,
		     GError **error)
{
	Reading reading = {.store = store, .context = context, .table = table};
	g_autoptr(GBytes) tail = NULL;
	VkPackTrailer trailer;

	g_clear_pointer(&table->keys, vk_pack_keys_free);
	g_clear_pointer(&table->entries, g_free);
	if (!fetch_tail(&reading, error))
		return FALSE;
	tail = reading.tail;
	if (!check_header(&reading, error) || !get_trailer(&reading, &trailer, error))
		return FALSE;
	table->slots = GUINT32_FROM_LE(trailer.slots);
	return read_entries(&reading, &trailer, error) &&
	       take_entries(table, GUINT64_FROM_LE(trailer.table_offset), error);
}

VkPackTable *vk_pack_table_load(VkStore *store, const VkPackContext *context, const VkPackId *id,
				const char *object, GError **error)
{
	g_autoptr(VkPackTable) table = g_new0(VkPackTable, 1);
	GError *trouble = NULL;

	g_atomic_ref_count_init(&table->refs);
	table->id = *id;
	table->object = g_strdup(object);
	table->mending = vk_mending_new();
	if (load(store, context, table, &trouble) ||
	    (vk_store_distrust(store, object, &trouble) && load(store, context, table, &trouble)) ||
	    (vk_mending_try(table->mending, store, context, id, object, &trouble) &&
	     load(store, context, table, &trouble)))
		return g_steal_pointer(&table);
	g_propagate_error(error, trouble);
	return NULL;
}
