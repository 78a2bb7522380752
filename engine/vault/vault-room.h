/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room in a full vault, for what has to be put before space is freed. A vault has a reserve of some
 * objects of noise, which no file system compresses. They are removed one by one, so that the first
 * who needs room does not use up what the next one needs. Hints go last, and without harm: the next
 * backup makes them anew from the packs. A backup must not make room, for it would use all of it.
 * Threads: free.
 */
#pragma once

#include "lease.h"
#include "store.h"
#include "vault.h"

#include <glib.h>
#include <jansson.h>

/*
 * If TROUBLE is VK_ERROR_FULL, removes an object of the reserve, or all hints if there is no
 * reserve. TRUE: it did, so that another try may succeed, and TROUBLE is cleared. To be called
 * again if the vault is full in that try as well.
 */
gboolean vk_vault_make_room(VkVault *vault, GError **trouble);

/* Puts what is missing of the reserve, durably. What cannot be put is left to the next call. */
void vk_vault_fill_reserve(VkVault *vault);

/* As vk_checked_json_put(), on a full vault as well. */
gboolean vk_vault_put_json(VkVault *vault, const char *name, const json_t *object, VkPutMode mode,
			   GError **error);

/* As vk_lease_begin(), on a full vault as well. VAULT must outlive the lease. */
VkLease *vk_vault_begin_lease(VkVault *vault, VkLeaseKind kind, const char *const *snapshots,
			      GError **error);
