/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-tables.h"

#include "errors.h"
#include "interrupt.h"
#include "pack-cache.h"
#include "pack-name.h"

/* Its blocks are stored again. Any other failure may pass, and the pack may be sound. */
static gboolean is_lost(const GError *trouble)
{
	return g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) ||
	       g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND);
}

gboolean vk_hints_read_tables(const VkHintsPlace *place, VkHintsAddTable add, gpointer user,
			      VkHintsRebuilt *ret, GError **error)
{
	g_autoptr(GArray) packs = vk_pack_list(place->store, error);

	*ret = (VkHintsRebuilt){0};
	if (!packs)
		return FALSE;
	for (guint i = 0; i < packs->len; i++) {
		g_autoptr(VkPackTable) table = NULL;
		g_autoptr(GError) trouble = NULL;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		table = vk_pack_cache_get(place->packs, &g_array_index(packs, VkPackId, i),
					  &trouble);
		if (table) {
			ret->packs++;
			if (add)
				add(user, table);
		} else if (is_lost(trouble)) {
			ret->unreadable++;
		} else {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
	return TRUE;
}
