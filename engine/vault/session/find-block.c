/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the vault has a block already, so that it need not be stored again. */
#include "session-priv.h"

#include <string.h>

/* Whether the slot has a block of that id that is not known to be damaged. */
static gboolean slot_has_id(const VkWorker *worker, const VkPackTable *table, guint32 slot,
			    const VkBlockId *id)
{
	const VkTableEntry *entry = vk_pack_table_has(table, slot) ? &table->entries[slot] : NULL;
	VkHealer *healer = worker->session->healer;

	return entry &&
	       (entry->length_flags >> VK_SLOT_FLAG_SHIFT & VK_SLOT_KIND) == VK_SLOT_KIND_DATA &&
	       memcmp(entry->id, id->bytes, VK_BLOCK_ID_SIZE) == 0 &&
	       !(healer && vk_healer_is_damaged(healer, &table->id, slot));
}

gboolean vk_worker_address_has_id(VkWorker *worker, const VkPackId *pack, guint32 slot,
				  const VkBlockId *id)
{
	const VkVault *vault = worker->session->vault;
	g_autoptr(VkPackTable) table = vk_pack_cache_get(vault->packs, pack, NULL);

	if (!table || !slot_has_id(worker, table, slot, id))
		return FALSE;
	if (table != worker->followed)
		vault->store->ops->adopt(vault->store, table->object);
	vk_pack_table_unref(worker->followed);
	worker->followed = g_steal_pointer(&table);
	worker->followed_slot = slot;
	return TRUE;
}

/*
 * The place that the hints know. Where the table in the cache is of a generation that a collection
 * has replaced since, that of another one is read.
 */
static gboolean find_hinted(VkWorker *worker, const VkBlockId *id, VkPackId *ret_pack,
			    guint32 *ret_slot)
{
	VkSession *session = worker->session;

	if (!vk_hints_lookup(session->hints, id, ret_pack, ret_slot) ||
	    vk_announcement_has(session->condemned, ret_pack, *ret_slot) ||
	    !vk_worker_address_has_id(worker, ret_pack, *ret_slot, id))
		return FALSE;
	if (vk_session_may_refer(session, worker->followed, *ret_slot))
		return TRUE;
	vk_pack_cache_drop(session->vault->packs, worker->followed);
	return vk_worker_address_has_id(worker, ret_pack, *ret_slot, id) &&
	       vk_session_may_refer(session, worker->followed, *ret_slot);
}

gboolean vk_worker_find_block(VkWorker *worker, const VkBlockId *id, VkPackId *ret_pack,
			      guint32 *ret_slot)
{
	if (worker->followed &&
	    slot_has_id(worker, worker->followed, worker->followed_slot + 1, id) &&
	    vk_session_may_refer(worker->session, worker->followed, worker->followed_slot + 1)) {
		*ret_pack = worker->followed->id;
		*ret_slot = ++worker->followed_slot;
		return TRUE;
	}
	if (vk_pack_writer_find(worker->pack, id, ret_pack, ret_slot))
		return TRUE;
	return find_hinted(worker, id, ret_pack, ret_slot);
}
