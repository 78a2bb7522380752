/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing forgotten snapshots from the vault: steps D1 to D7 of tests/model/README.md. Their
 * blocks stay for the collector. Threads: one at a time.
 */
#pragma once

#include "lease.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * The names of the objects of forgotten snapshots that may go: those that nobody pinned, reads, or
 * is about to list again. ALSO (nullable): VkSnapshotKey*, which count as forgotten. A set of
 * strings, whose values say nothing. Changes nothing; what a reader or a user does later may still
 * keep one.
 */
GHashTable *vk_removable_snapshots(VkVault *vault, const GPtrArray *also, GError **error);

/* What is told of each snapshot before it goes. */
typedef struct VkRemoval {
	void (*on_remove)(gpointer user, VkSnapshot *snapshot); /* takes it over; nullable */
	gpointer user;
} VkRemoval;

/*
 * Removes the forgotten snapshots in the name of the collector's LEASE. *RET_COUNT says how many,
 * also on failure. Stops on vk_interrupted(). Nothing is removed once somebody has put up a fence
 * against the lease: that is VK_ERROR_BUSY. REMOVAL is nullable.
 */
gboolean vk_remove_forgotten(VkVault *vault, VkLease *lease, const VkRemoval *removal,
			     guint *ret_count, GError **error);
