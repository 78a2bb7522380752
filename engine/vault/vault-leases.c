/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-leases.h"

#include "lease-end.h"
#include "lease-sweep.h"
#include "vault-parts.h"

GPtrArray *vk_vault_leases(VkVault *vault, GError **error)
{
	return vk_leases_list(vault->store, error);
}

gboolean vk_vault_clear_lease(VkVault *vault, const VkLeaseInfo *info, GError **error)
{
	return (info->ended || vk_lease_end_of_dead(vault->store, info, error)) &&
	       vk_lease_sweep(vault->store, info->id, error);
}

gboolean vk_vault_end_lease(VkVault *vault, const VkLeaseInfo *info, GError **error)
{
	return vk_lease_end_by_word(vault->store, info, error) &&
	       vk_lease_sweep(vault->store, info->id, error);
}

void vk_vault_clear_leases(VkVault *vault)
{
	g_autoptr(GPtrArray) infos = vk_vault_leases(vault, NULL);

	for (guint i = 0; infos && i < infos->len; i++) {
		const VkLeaseInfo *info = g_ptr_array_index(infos, i);

		if (info->ended || info->is_local_and_dead)
			vk_vault_clear_lease(vault, info, NULL);
	}
}
