/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The chain of a guest's snapshots. Each snapshot object has a number, one more than the highest
 * that its writer knew of, and names the object before it with its hash. A host remembers the end
 * of each chain: the snapshot with the highest number that it has seen. So it notices when a vault
 * goes back to an earlier state, holds back the newest snapshots of a guest, or shows another
 * object under the name of one.
 *
 * A snapshot that was removed may come again, by a replication. Its new object has a higher number
 * than those that were put after the first one. So whoever has the key can put another object in
 * the place of an old snapshot, with a higher number, and nobody notices.
 *
 * It is silent when in doubt. It does not notice when an older snapshot is held back, for a
 * collection may have removed it; nor what happened before this host first saw the guest.
 *
 * When a collection removes the highest number of a chain, a note in the guest's folder keeps it:
 * "reached-" and 16 hex digits, checked JSON with the member "number". Threads: free.
 */
#pragma once

#include "catalog.h"

#include <glib.h>

/*
 * Chains SNAPSHOT, which is about to be put, to KEYS: all of its guest, in order, by NAMES, the
 * listing of the guest's folder. Warns when the vault does not show what this host has seen of the
 * guest.
 */
void vk_chain_extend(VkVault *vault, const GPtrArray *keys, const GPtrArray *names,
		     VkSnapshot *snapshot);

/* Remembers SNAPSHOT, which was put as OBJECT. */
void vk_chain_remember(VkVault *vault, const VkSnapshot *snapshot, const json_t *object);

/*
 * What the vault does not show any more of the guests UUIDS, NULL at the end, or of all with NULL,
 * although this host has seen it: a sentence for each guest. Costs one look at the vault for each
 * of these guests. Returns strings, owned by the array.
 */
GPtrArray *vk_chain_missing(VkVault *vault, const char *const *uuids);

/*
 * The same, and what contradicts itself in their chains. Reads every snapshot object, and remembers
 * what it has seen. Those that cannot be read are left out.
 */
GPtrArray *vk_chain_check(VkVault *vault, const char *const *uuids, GError **error);

/*
 * To be called before the snapshots GOING (VkSnapshotKey*, by the names of their objects) are
 * removed: keeps the highest number of each chain that has it in one of them, durably. Reads all of
 * them.
 */
gboolean vk_chain_keep_numbers(VkVault *vault, GHashTable *going, GError **error);
