/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSlotSet: slots of any number of packs. Memory: some 50 bytes for each pack, and a bit for each
 * slot up to the last one that was added, twice that at most. Threads: free, unless one thread
 * adds.
 */
#pragma once

#include "format.h"

#include <glib.h>

/* Of one pack: a bit each. */
typedef struct VkSlots {
	guint8 bits[VK_SLOTS_MAX / 8];
} VkSlots;

/* SLOT is below VK_SLOTS_MAX; SLOTS may be NULL, and is empty then. */
static inline gboolean vk_slots_have(const VkSlots *slots, guint32 slot)
{
	return slots && (slots->bits[slot / 8] & 1u << (slot % 8)) != 0;
}

/* How many there are. */
guint32 vk_slots_count(const VkSlots *slots);

typedef struct VkSlotSet VkSlotSet;

VkSlotSet *vk_slot_set_new(void);
void vk_slot_set_free(VkSlotSet *set); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSlotSet, vk_slot_set_free)

/* Adds COUNT slots of PACK from SLOT on; or all of SLOTS. */
void vk_slot_set_add(VkSlotSet *set, const VkPackId *pack, guint32 slot, guint32 count);
void vk_slot_set_add_all(VkSlotSet *set, const VkPackId *pack, const VkSlots *slots);

/* Those of PACK, all of *RET. Returns whether there are any. */
gboolean vk_slot_set_of_pack(const VkSlotSet *set, const VkPackId *pack, VkSlots *ret);

/*
 * How many packs it has slots of, and these: an array to be freed, of VkPackId* that are borrowed.
 */
guint vk_slot_set_count_packs(const VkSlotSet *set);
gpointer *vk_slot_set_packs(const VkSlotSet *set, guint *ret_count);
