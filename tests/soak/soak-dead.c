/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a collection leaves: packs of which at most half is dead. */
#include "soak.h"

#include "catalog.h"
#include "errors.h"
#include "load-ahead.h"
#include "mark.h"
#include "pack-name.h"
#include "pack-table.h"
#include "vault-parts.h"

/* Its one generation. Returns a new reference. */
static VkPackTable *load_table(VkVault *vault, const VkPackId *pack, GError **error)
{
	g_autoptr(GPtrArray) objects = vk_pack_generations(vault->store, pack, error);

	if (!objects)
		return NULL;
	if (objects->len != 1) {
		vk_fail(error, VK_ERROR_FAILED, "a pack has %u generations", objects->len);
		return NULL;
	}
	return vk_pack_table_load(vault->store, &vault->context, pack, objects->pdata[0], error);
}

static gboolean add_dead(VkVault *vault, const VkPackId *pack, const VkSlots *marked, guint64 *sum,
			 GError **error)
{
	g_autoptr(VkPackTable) table = load_table(vault, pack, error);
	guint64 dead = 0, live = 0;

	if (!table)
		return FALSE;
	for (guint32 slot = 0; slot < table->slots; slot++)
		if (vk_pack_table_has(table, slot))
			*(vk_slots_have(marked, slot) ? &live : &dead) +=
				vk_pack_table_length(table, slot);
	*sum += dead;
	return (live > 0 && dead <= live) ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "a pack was left of which %" G_GUINT64_FORMAT
		       " bytes are dead and %" G_GUINT64_FORMAT " are not",
		       dead, live);
}

static gboolean mark_all(VkVault *vault, VkMark *mark, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);

	for (guint i = 0; keys && i < keys->len; i++) {
		g_autoptr(VkSnapshot) snapshot = NULL;

		if (!vk_load_whole(vault, g_ptr_array_index(keys, i), &snapshot, error) ||
		    (snapshot && !vk_mark_add_snapshot(mark, snapshot, error)))
			return FALSE;
	}
	return keys != NULL;
}

gboolean soak_dead(const Soak *soak, GError **error)
{
	g_autoptr(VkVault) vault = vk_vault_open(soak->vault, VK_VAULT_READ, error);
	g_autoptr(VkMark) mark = vault ? vk_mark_new(vault) : NULL;
	g_autoptr(GArray) packs = NULL;
	guint64 sum = 0;

	if (!mark || !mark_all(vault, mark, error))
		return FALSE;
	packs = vk_pack_list(vault->store, error);
	for (guint i = 0; packs && i < packs->len; i++) {
		const VkPackId *pack = &g_array_index(packs, VkPackId, i);
		VkSlots marked;

		vk_slot_set_of_pack(vk_mark_slots(mark), pack, &marked);
		if (!add_dead(vault, pack, &marked, &sum, error))
			return FALSE;
	}
	if (packs)
		g_print("%" G_GUINT64_FORMAT "\n", sum);
	return packs != NULL;
}
