/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reach.h"

#include "map.h"
#include "vault-parts.h"

#include "errors.h"
#include "interrupt.h"

VkReach *vk_reach_new(VkVault *vault)
{
	VkReach *reach = g_new0(VkReach, 1);

	reach->vault = vault;
	reach->slots = vk_slot_set_new();
	return reach;
}

void vk_reach_free(VkReach *reach)
{
	if (!reach)
		return;
	vk_slot_set_free(reach->slots);
	g_free(reach);
}

/* Whether a generation of the pack has the slot. If that of *TABLE has not, it is replaced. */
static gboolean find_slot(const VkReach *reach, guint32 slot, VkPackTable **table, GError **error)
{
	VkPackTable *other;

	if (vk_pack_table_has(*table, slot))
		return TRUE;
	other = vk_pack_cache_find(reach->vault->packs, &(*table)->id, slot, error);
	if (!other)
		return FALSE;
	vk_pack_table_unref(*table);
	*table = other;
	return TRUE;
}

/* Adds the slots of the extent if its pack has all of them. */
static gboolean add_slots(VkReach *reach, const VkExtent *extent, GError **error)
{
	g_autoptr(VkPackTable) table = vk_pack_cache_get(reach->vault->packs, &extent->pack, error);
	VkSlots present;
	guint64 bytes = 0;

	if (!table)
		return FALSE;
	vk_slot_set_of_pack(reach->slots, &extent->pack, &present);
	for (guint32 slot = extent->slot; slot < extent->slot + extent->count; slot++) {
		if (!find_slot(reach, slot, &table, error))
			return FALSE;
		if (!vk_slots_have(&present, slot))
			bytes += vk_pack_table_length(table, slot);
	}
	reach->bytes += bytes;
	vk_slot_set_add(reach->slots, &extent->pack, extent->slot, extent->count);
	return TRUE;
}

static gboolean add_extent(VkReach *reach, const VkExtent *extent, GError **error)
{
	if (extent->kind == VK_EXTENT_DAMAGED)
		return vk_fail(error, VK_ERROR_DAMAGE, "blocks from %u on are known as lost",
			       extent->first);
	if (extent->kind != VK_EXTENT_DATA)
		return TRUE;
	return add_slots(reach, extent, error);
}

void vk_reach_add(VkReach *reach, const VkImageRecord *image, VkReachTrouble trouble, gpointer user)
{
	guint32 blocks = vk_blocks_of_size(image->size);
	g_autoptr(VkMap) map = vk_map_new(reach->vault->blocks, image->runs, blocks);

	for (guint32 block = 0; block < blocks && !vk_interrupted();) {
		g_autoptr(GError) error = NULL;
		VkExtent extent;
		gboolean present;

		if (!vk_map_lookup(map, block, &extent, &present, &error)) {
			trouble(user, NULL, error);
			return;
		}
		if (!add_extent(reach, &extent, &error))
			trouble(user, &extent, error);
		block += extent.count;
	}
}
