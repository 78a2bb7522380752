/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing forgotten snapshots from the vault: steps D1 to D7 of tests/model/README.md. Their
 * blocks stay for the collector. Threads: one at a time.
 */
#pragma once

#include "lease.h"
#include "vault.h"

#include <glib.h>

/*
 * The forgotten snapshots that may go: those that nobody pinned, reads, or is about to list again.
 * They are the keys of VkSnapshotKey*, owned by the array. Changes nothing; what a reader or a user
 * does later may still keep one.
 */
GPtrArray *vk_removable_snapshots(VkVault *vault, GError **error);

/*
 * Removes the forgotten snapshots in the name of the collector's LEASE. *RET_COUNT says how many,
 * also on failure. Stops on vk_interrupted(). Nothing is removed once somebody has put up a fence
 * against the lease: that is VK_ERROR_BUSY.
 */
gboolean vk_remove_forgotten(VkVault *vault, VkLease *lease, guint *ret_count, GError **error);
