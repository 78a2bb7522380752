/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkReadLease: says in the vault that snapshots are read. Until it ends no collector removes them,
 * even if they are forgotten. Where nothing may be put, or nothing can be, they are read without:
 * then reading fails when a collector removes one. Threads: one caller at a time.
 */
#pragma once

#include "catalog.h"
#include "vault.h"

#include <glib.h>

typedef struct VkReadLease VkReadLease;

/*
 * For the snapshot KEY, or for all if KEY is NULL. VK_ERROR_NOT_FOUND when the snapshot is not
 * listed any more. If KEY is NULL, list the snapshots after that: what was listed before may be
 * gone. VAULT is borrowed and must outlive the lease.
 */
VkReadLease *vk_read_lease_begin(VkVault *vault, const VkSnapshotKey *key, GError **error);
void vk_read_lease_end(VkReadLease *lease); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkReadLease, vk_read_lease_end)
