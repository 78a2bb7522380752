/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-compact.h"

#include "crc.h"
#include "errors.h"
#include "frame.h"
#include "pack-end.h"

#include <string.h>

/* A pack under way. Borrows all but the object and the entries. */
typedef struct Compaction {
	VkStore *store;
	const VkPackContext *context;
	const GPtrArray *tables;
	VkNewObject *object;
	VkPackHeader header;
	guint64 size;
	guint32 slots;
	VkTableEntry *entries; /* of the new pack; dropped ones are zeros */
	guint32 live;
	VkParity *parity; /* NULL: the vault has none */
} Compaction;

static gboolean append(Compaction *to, const void *bytes, gsize length, GError **error)
{
	if (!to->store->ops->append(to->object, bytes, length, error))
		return FALSE;
	if (to->parity)
		vk_parity_add(to->parity, bytes, length);
	to->size += length;
	return TRUE;
}

/* The header says who wrote the blocks and when, so it stays but for the generation. */
static gboolean copy_header(Compaction *to, guint32 generation, GError **error)
{
	VkPackHeader *header = &to->header;

	*header = ((const VkPackTable *)to->tables->pdata[0])->header;
	header->header_length = GUINT16_TO_LE(sizeof(*header));
	header->generation = GUINT32_TO_LE(generation);
	header->crc32c = GUINT32_TO_LE(vk_crc32c(0, header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
	return append(to, header, sizeof(*header), error);
}

/* The first table that has the slot, or NULL. */
static const VkPackTable *find_table(const GPtrArray *tables, guint32 slot)
{
	for (guint i = 0; i < tables->len; i++) {
		const VkPackTable *table = tables->pdata[i];

		if (slot < table->slots && table->entries[slot].length_flags != 0)
			return table;
	}
	return NULL;
}

/* The frame from the first of the tables in which it is sound, *RET_TABLE. ERROR is the first. */
static guint8 *copy_sound(const Compaction *to, guint32 slot, const VkPackTable **ret_table,
			  gsize *ret_length, GError **error)
{
	GError *first = NULL;

	for (guint i = 0; i < to->tables->len; i++) {
		const VkPackTable *table = to->tables->pdata[i];
		g_autoptr(GError) trouble = NULL;
		guint8 *frame;

		if (!vk_pack_table_has(table, slot))
			continue;
		frame = vk_frame_copy(to->store, to->context, table, slot, ret_length, &trouble);
		if (frame) {
			g_clear_error(&first);
			*ret_table = table;
			return frame;
		}
		if (!first)
			first = g_steal_pointer(&trouble);
	}
	g_propagate_error(error, first);
	return NULL;
}

static gboolean copy_slot(Compaction *to, guint32 slot, GError **error)
{
	static const guint8 padding[VK_FRAME_ALIGN];
	VkTableEntry *entry = &to->entries[slot];
	const VkPackTable *table;
	gsize length;
	g_autofree guint8 *frame = copy_sound(to, slot, &table, &length, error);

	if (!frame)
		return FALSE;
	*entry = table->entries[slot];
	entry->offset16 = (guint32)(to->size / VK_FRAME_ALIGN);
	to->live++;
	return append(to, frame, length, error) &&
	       append(to, padding, (VK_FRAME_ALIGN - to->size % VK_FRAME_ALIGN) % VK_FRAME_ALIGN,
		      error);
}

static gboolean append_end(Compaction *to, GError **error)
{
	gsize length;
	g_autofree guint8 *end = vk_pack_end(to->context, &to->header, to->entries, to->slots,
					     to->live, to->size, to->parity, &length);

	return to->store->ops->append(to->object, end, length, error);
}

static gboolean copy_pack(Compaction *to, const VkSlots *live, guint32 generation,
			  VkRateLimit *limit, GError **error)
{
	if (!copy_header(to, generation, error))
		return FALSE;
	for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot++) {
		const VkPackTable *table =
			vk_slots_have(live, slot) ? find_table(to->tables, slot) : NULL;

		if (!table && vk_slots_have(live, slot))
			return vk_fail(error, VK_ERROR_DAMAGE, "'%s' has no slot %u",
				       ((VkPackTable *)to->tables->pdata[0])->object, slot);
		if (!table)
			continue;
		if (limit)
			vk_rate_limit_wait(limit, vk_pack_table_length(table, slot));
		if (!copy_slot(to, slot, error))
			return FALSE;
	}
	return append_end(to, error);
}

static guint32 count_slots(const GPtrArray *tables)
{
	guint32 slots = 0;

	for (guint i = 0; i < tables->len; i++)
		slots = MAX(slots, ((VkPackTable *)tables->pdata[i])->slots);
	return slots;
}

guint64 vk_pack_compacted_size(const VkPackContext *context, const GPtrArray *tables,
			       const VkSlots *live)
{
	guint32 slots = count_slots(tables);
	guint64 size = sizeof(VkPackHeader) + slots * sizeof(VkTableEntry);

	if (context->keyring)
		size += VK_TAG_SIZE;
	for (guint32 slot = 0; slot < slots; slot++) {
		const VkPackTable *table =
			vk_slots_have(live, slot) ? find_table(tables, slot) : NULL;
		gsize length =
			table ? sizeof(VkFrameHeader) + vk_pack_table_length(table, slot) : 0;

		size += (length + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN * VK_FRAME_ALIGN;
	}
	return context->parity ? vk_parity_total(size) : size + sizeof(VkPackTrailer);
}

static gboolean same_keys(const VkPackHeader *one, const VkPackHeader *other)
{
	return memcmp(one->salt, other->salt, sizeof(one->salt)) == 0 &&
	       memcmp(one->wrapped, other->wrapped, sizeof(one->wrapped)) == 0;
}

gboolean vk_pack_tables_share_keys(const GPtrArray *tables)
{
	const VkPackTable *first = tables->pdata[0];

	for (guint i = 1; i < tables->len; i++) {
		const VkPackTable *other = tables->pdata[i];

		if (!same_keys(&first->header, &other->header))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_pack_compact(VkStore *store, const VkPackContext *context, const GPtrArray *tables,
			 const VkSlots *live, const char *name, guint32 generation,
			 VkRateLimit *limit, GError **error)
{
	g_autofree VkTableEntry *entries = g_new0(VkTableEntry, VK_SLOTS_MAX);
	const VkPackTable *first = tables->pdata[0];
	g_autoptr(VkParity) parity = context->parity ? vk_parity_new(context, &first->id) : NULL;
	Compaction to = {
		.store = store,
		.context = context,
		.tables = tables,
		.slots = count_slots(tables),
		.entries = entries,
		.parity = parity,
	};

	if (!vk_pack_tables_share_keys(tables))
		return vk_fail(error, VK_ERROR_DAMAGE, "generations of '%s' have different keys",
			       ((const VkPackTable *)tables->pdata[0])->object);
	to.object = store->ops->begin(store, name, error);
	if (!to.object)
		return FALSE;
	if (!copy_pack(&to, live, generation, limit, error)) {
		store->ops->drop(to.object);
		return FALSE;
	}
	return store->ops->finish(to.object, name, VK_PUT_NOW, error);
}
