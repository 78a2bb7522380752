/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room in a full vault, for what frees space has to be put first. Hints may be lost without harm:
 * the next backup makes them anew from the packs. Threads: free.
 */
#pragma once

#include "lease.h"
#include "vault.h"

#include <glib.h>

/*
 * Removes all hints if TROUBLE is VK_ERROR_FULL. TRUE: it did, so that another try may succeed, and
 * TROUBLE is cleared.
 */
gboolean vk_vault_make_room(VkVault *vault, GError **trouble);

/* As vk_lease_begin(), on a full vault as well. VAULT must outlive the lease. */
VkLease *vk_vault_begin_lease(VkVault *vault, VkLeaseKind kind, const char *const *snapshots,
			      GError **error);
