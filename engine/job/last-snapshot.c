/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "last-snapshot.h"

#include "catalog.h"
#include "errors.h"
#include "log.h"
#include "interrupt.h"

/* How many snapshots on arrays are looked through for an older one with a bitmap. */
#define ON_ARRAYS_MAX 100

/* Whether to look on for an older one: arrays begin no bitmaps, and may leave the vault out. */
static gboolean is_better(const VkSnapshot *candidate, const VkSnapshot *found)
{
	return vk_snapshot_is_in_vault(candidate) && (!found || candidate->checkpoint);
}

gboolean vk_last_snapshot_load(VkVault *vault, const char *uuid, VkSnapshot **ret, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, uuid, error);
	guint left = ON_ARRAYS_MAX;

	*ret = NULL;
	if (!keys)
		return FALSE;
	for (guint i = keys->len; i > 0 && left > 0; i--) {
		g_autoptr(GError) trouble = NULL;
		g_autoptr(VkSnapshot) snapshot = NULL;

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		snapshot = vk_catalog_load(vault, g_ptr_array_index(keys, i - 1), &trouble);
		if (!snapshot) {
			vk_log_warning("%s; building on an older snapshot", trouble->message);
			continue;
		}
		left = vk_snapshot_is_on_array(snapshot) ? left - 1 : 0;
		if (is_better(snapshot, *ret)) {
			vk_snapshot_free(*ret);
			*ret = g_steal_pointer(&snapshot);
		}
	}
	return TRUE;
}
