/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The leases of a vault for those who look after it. Threads: free. */
#pragma once

#include "lease-list.h"
#include "vault.h"

#include <glib.h>

/* As vk_leases_list(). */
GPtrArray *vk_vault_leases(VkVault *vault, GError **error);

/*
 * Ends the lease of a process of this host that is gone, unless it has ended, and removes all that
 * it left in the vault. VK_ERROR_BUSY when that process may be at work.
 */
gboolean vk_vault_clear_lease(VkVault *vault, const VkLeaseInfo *info, GError **error);

/*
 * The same because a person says that the owner is gone: see vk_lease_end_by_word().
 */
gboolean vk_vault_end_lease(VkVault *vault, const VkLeaseInfo *info, GError **error);

/* As vk_vault_clear_lease() for which it can be done. Failures are not said. */
void vk_vault_clear_leases(VkVault *vault);
