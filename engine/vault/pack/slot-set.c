/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "slot-set.h"

#include "pack-id.h"

#include <string.h>

/* Most packs have some hundred slots. */
#define BYTES_MIN 64u

/* The slots of one pack, those beyond BYTES are not in it. */
typedef struct Entry {
	VkPackId pack;
	guint16 bytes; /* of BITS: BYTES_MIN times a power of two */
	guint8 bits[];
} Entry;

struct VkSlotSet {
	GHashTable *packs; /* Entry, owned, by its PACK, which comes first -> itself */
	Entry *last; /* that was asked for: the extents of a map mostly follow each other in a pack
		      */
};

guint32 vk_slots_count(const VkSlots *slots)
{
	guint32 count = 0;

	for (guint i = 0; i < sizeof(slots->bits); i++)
		count += (guint32)__builtin_popcount(slots->bits[i]);
	return count;
}

VkSlotSet *vk_slot_set_new(void)
{
	VkSlotSet *set = g_new0(VkSlotSet, 1);

	set->packs = g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);
	return set;
}

void vk_slot_set_free(VkSlotSet *set)
{
	if (!set)
		return;
	g_hash_table_unref(set->packs);
	g_free(set);
}

/* With room for the first SLOTS slots. */
static Entry *ensure_pack(VkSlotSet *set, const VkPackId *pack, guint32 slots)
{
	Entry *present = set->last, *entry;
	guint bytes;

	g_assert(slots <= VK_SLOTS_MAX);
	if (!present || !vk_pack_id_equal(&present->pack, pack))
		present = g_hash_table_lookup(set->packs, pack);
	bytes = present ? present->bytes : BYTES_MIN;
	while (bytes * 8 < slots)
		bytes *= 2;
	if (present && bytes == present->bytes)
		return set->last = present;
	entry = g_malloc0(sizeof(*entry) + bytes);
	if (present)
		memcpy(entry->bits, present->bits, present->bytes);
	entry->pack = *pack;
	entry->bytes = (guint16)bytes;
	/* Frees the one that was there. */
	g_hash_table_replace(set->packs, entry, entry);
	return set->last = entry;
}

void vk_slot_set_add(VkSlotSet *set, const VkPackId *pack, guint32 slot, guint32 count)
{
	Entry *entry = ensure_pack(set, pack, slot + count);

	for (guint32 i = slot; i < slot + count; i++)
		entry->bits[i / 8] |= (guint8)(1u << (i % 8));
}

void vk_slot_set_add_all(VkSlotSet *set, const VkPackId *pack, const VkSlots *slots)
{
	guint length = sizeof(slots->bits);
	Entry *entry;

	while (length > 0 && slots->bits[length - 1] == 0)
		length--;
	entry = ensure_pack(set, pack, length * 8);
	for (guint i = 0; i < length; i++)
		entry->bits[i] |= slots->bits[i];
}

gboolean vk_slot_set_of_pack(const VkSlotSet *set, const VkPackId *pack, VkSlots *ret)
{
	const Entry *entry = g_hash_table_lookup(set->packs, pack);

	*ret = (VkSlots){{0}};
	if (entry)
		memcpy(ret->bits, entry->bits, entry->bytes);
	return entry != NULL;
}

guint vk_slot_set_count_packs(const VkSlotSet *set)
{
	return g_hash_table_size(set->packs);
}

gpointer *vk_slot_set_packs(const VkSlotSet *set, guint *ret_count)
{
	return g_hash_table_get_keys_as_array(set->packs, ret_count);
}
