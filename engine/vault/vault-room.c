/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-room.h"

#include "layout.h"
#include "vault-parts.h"

#include "errors.h"

gboolean vk_vault_make_room(VkVault *vault, GError **trouble)
{
	VkStore *store = vault->store;
	g_autoptr(GPtrArray) names = NULL;
	gboolean made = FALSE;

	if (!g_error_matches(*trouble, VK_ERROR, VK_ERROR_FULL))
		return FALSE;
	names = store->ops->list(store, VK_FOLDER_HINTS, NULL);
	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *name = g_build_filename(VK_FOLDER_HINTS, names->pdata[i], NULL);

		made = store->ops->delete (store, name, NULL) || made;
	}
	if (made)
		g_clear_error(trouble);
	return made;
}

VkLease *vk_vault_begin_lease(VkVault *vault, VkLeaseKind kind, const char *const *snapshots,
			      GError **error)
{
	GError *trouble = NULL;
	VkLease *lease = vk_lease_begin(vault->store, kind, snapshots, &trouble);

	if (lease)
		return lease;
	if (vk_vault_make_room(vault, &trouble))
		return vk_lease_begin(vault->store, kind, snapshots, error);
	g_propagate_error(error, trouble);
	return NULL;
}
