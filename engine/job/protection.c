/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protection.h"

#include "catalog.h"
#include "interrupt.h"

void vk_protection_free(VkProtection *protection)
{
	if (!protection)
		return;
	vk_snapshot_free(protection->last);
	g_free(protection);
}

VkProtection *vk_protection_load(VkVault *vault, const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, uuid, error);
	g_autoptr(VkProtection) protection = NULL;
	const VkSnapshotKey *key = NULL;

	if (!keys)
		return NULL;
	protection = g_new0(VkProtection, 1);
	protection->snapshots = keys->len;
	for (guint i = keys->len; i > 0 && !protection->last; i--) {
		if (vk_interrupted()) {
			vk_fail_interrupted(error);
			return NULL;
		}
		key = g_ptr_array_index(keys, i - 1);
		protection->last = vk_catalog_load(vault, key, NULL);
		protection->damaged += protection->last == NULL;
	}
	if (protection->last)
		protection->age_sec =
			g_get_real_time() / G_USEC_PER_SEC - vk_snapshot_key_taken(key);
	return g_steal_pointer(&protection);
}
