/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "slot-set.h"

#include "pack-id.h"

struct VkSlotSet {
	GHashTable *packs; /* VkPackId, owned -> VkSlots, owned */
};

VkSlotSet *vk_slot_set_new(void)
{
	VkSlotSet *set = g_new0(VkSlotSet, 1);

	set->packs = g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, g_free);
	return set;
}

void vk_slot_set_free(VkSlotSet *set)
{
	if (!set)
		return;
	g_hash_table_unref(set->packs);
	g_free(set);
}

static VkSlots *ensure_pack(VkSlotSet *set, const VkPackId *pack)
{
	VkSlots *slots = g_hash_table_lookup(set->packs, pack);

	if (!slots) {
		slots = g_new0(VkSlots, 1);
		g_hash_table_insert(set->packs, g_memdup2(pack, sizeof(*pack)), slots);
	}
	return slots;
}

void vk_slot_set_add(VkSlotSet *set, const VkPackId *pack, guint32 slot, guint32 count)
{
	VkSlots *slots = ensure_pack(set, pack);

	for (guint32 i = slot; i < slot + count; i++)
		slots->bits[i / 8] |= (guint8)(1u << (i % 8));
}

void vk_slot_set_add_all(VkSlotSet *set, const VkPackId *pack, const VkSlots *slots)
{
	VkSlots *present = ensure_pack(set, pack);

	for (gsize i = 0; i < sizeof(slots->bits); i++)
		present->bits[i] |= slots->bits[i];
}

const VkSlots *vk_slot_set_of_pack(const VkSlotSet *set, const VkPackId *pack)
{
	return g_hash_table_lookup(set->packs, pack);
}

guint vk_slot_set_count_packs(const VkSlotSet *set)
{
	return g_hash_table_size(set->packs);
}

gpointer *vk_slot_set_packs(const VkSlotSet *set, guint *ret_count)
{
	return g_hash_table_get_keys_as_array(set->packs, ret_count);
}
