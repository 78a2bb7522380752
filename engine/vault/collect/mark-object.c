/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mark-object.h"

#include "layout.h"
#include "load-ahead.h"
#include "vault-parts.h"

#include "errors.h"
#include "interrupt.h"

static gboolean add_intent(VkMark *mark, VkVault *vault, const VkLeaseInfo *lease, GError **error)
{
	g_autofree char *name = NULL;
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = vk_lease_load_intent(vault->store, lease->id, &name, &trouble);
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;

	/* It goes after the end only: what it named is listed by now, or never will be. */
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (!object) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (g_str_has_prefix(name, VK_FOLDER_SNAPS "/")) {
		snapshot = vk_snapshot_from_json(object, error);
		return snapshot && vk_mark_add_snapshot(mark, snapshot, error);
	}
	keys = vk_catalog_list_all(vault, NULL, error);
	for (guint i = 0; keys && i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		g_autofree char *copies = vk_snapshot_copies_object(key->uuid, key->time, key->id);

		if (!g_str_equal(copies, name))
			continue;
		if (!vk_load_whole(vault, key, &snapshot, error))
			return FALSE;
		return !snapshot || (vk_snapshot_add_copies(snapshot, object, error) &&
				     vk_mark_add_snapshot(mark, snapshot, error));
	}
	return keys != NULL;
}

/* Nothing is deleted while something is not known. */
gboolean vk_mark_add_intent(VkMark *mark, VkVault *vault, const VkLeaseInfo *lease, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	const char *host = lease->host ? lease->host : "?";

	if (add_intent(mark, vault, lease, &trouble))
		return TRUE;
	if (!vk_interrupted())
		g_prefix_error(&trouble,
			       "no space is freed, because nobody knows what the lease '%s' of the "
			       "host '%s' is about to put (run 'virtkeep doctor --fix' on that "
			       "host): ",
			       lease->id, host);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}
