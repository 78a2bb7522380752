/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TIME of a snapshot that is about to be committed. TIME is the snapshot's name within its
 * guest. So the session claims it before the commit, by an object that only one session can put:
 *
 *   snaps/<guest uuid>/<TIME>.claim
 *
 * That of a snapshot of another vault has two lines in it: its id, and the lease of the session. A
 * session that sends the same one takes it over once that lease is not open any more.
 *
 * For sessions only. Threads: free.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * Moves SNAPSHOT's time on to the first second that is free, and claims it. A second is free if the
 * guest has no snapshot of it, no session claims it, and no snapshot is a little ahead of it. Sets
 * SNAPSHOT's parent to the newest of its guest that is not forgotten, and chains it: see
 * vk_chain_extend(). Notes durably that snapshots dated later are older. Removes claims that were
 * put more than a day ago. *RET_CLAIM is a new string.
 */
gboolean vk_commit_time_claim(VkVault *vault, VkSnapshot *snapshot, char **ret_claim,
			      GError **error);

/*
 * The same for a snapshot of another vault, whose time and parent stay as they are, and of which
 * nothing is noted: the order is that of the times. VK_ERROR_EXISTS: the guest has another snapshot
 * of that time. VK_ERROR_BUSY: a session is about to commit one. LEASE: the id of the session's.
 */
gboolean vk_commit_time_claim_own(VkVault *vault, VkSnapshot *snapshot, const char *lease,
				  char **ret_claim, GError **error);

/* Removes the claim, once the snapshot is listed or never will be. Frees CLAIM; takes NULL. */
void vk_commit_time_release(VkVault *vault, char *claim);
