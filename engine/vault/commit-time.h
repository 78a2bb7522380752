/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TIME of a snapshot that is about to be committed. It is the snapshot's name within its guest,
 * so that it is claimed before the commit, by an object that only one can put:
 *
 *   snaps/<guest uuid>/<TIME>.claim
 *
 * For sessions only. Threads: free.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * Moves SNAPSHOT's time on to the first second that its guest has no snapshot of and nobody claims,
 * behind those that are a little ahead, and claims it. Sets its parent: the newest of its guest.
 * Notes, durably, of those dated later that they are older. Removes claims that were left more than
 * a day ago. *RET_CLAIM is a new string.
 */
gboolean vk_commit_time_claim(VkVault *vault, VkSnapshot *snapshot, char **ret_claim,
			      GError **error);

/* Gives the claim up, when the snapshot is listed or never will be. Frees CLAIM; takes NULL. */
void vk_commit_time_release(VkVault *vault, char *claim);
