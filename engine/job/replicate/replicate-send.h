/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkReplicaSender: sends snapshots of a vault into another one, each with the help of one that both
 * have. Threads: one at a time.
 */
#pragma once

#include "catalog.h"
#include "progress.h"
#include "rate-limit.h"
#include "session.h"

#include <glib.h>

typedef struct VkReplicaSender VkReplicaSender;

/* The vaults and LIMIT (nullable) are borrowed. WORKERS as of vk_session_new(). */
VkReplicaSender *vk_replica_sender_new(VkVault *from, VkVault *to, guint workers,
				       VkRateLimit *limit);
void vk_replica_sender_free(VkReplicaSender *sender); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkReplicaSender, vk_replica_sender_free)

/*
 * Sends the snapshot KEY. FROM and TO list what the vaults have of the guest, VkSnapshotKey*.
 * *RET_ON_ARRAY: it was not sent, because an array alone has some of its disks. STATS is added to.
 * VK_ERROR_EXISTS when there is another snapshot of that time, or it is there by now.
 * VK_ERROR_DAMAGE when it cannot be read.
 */
gboolean vk_replica_send(VkReplicaSender *sender, const VkSnapshotKey *key, const GPtrArray *from,
			 const GPtrArray *to, VkProgress *progress, VkSaveStats *stats,
			 gboolean *ret_on_array, GError **error);
