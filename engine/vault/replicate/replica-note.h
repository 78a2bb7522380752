/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkReplicaNote: which snapshots of a guest a vault has ever got from another vault. What was
 * forgotten here and collected is not sent again then. A note is an object in the guest's folder:
 *
 *   snaps/<guest uuid>/replicated-<id of the other vault>-<16 hex digits>
 *
 * checked JSON with the members "vault" and "snapshots", an array of their ids. A new note has all
 * that the earlier ones have; these go then. If notes are lost, forgotten snapshots come back.
 * Threads: one at a time.
 */
#pragma once

#include "vault.h"

#include <glib.h>

typedef struct VkReplicaNote VkReplicaNote;

/*
 * The note of the guest UUID in VAULT, of what came from OTHER. NAMES: a listing of the guest's
 * folder. An unreadable one gets a warning. Both vaults are borrowed.
 */
VkReplicaNote *vk_replica_note_load(VkVault *vault, const VkVault *other, const char *uuid,
				    const GPtrArray *names);
void vk_replica_note_free(VkReplicaNote *note); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkReplicaNote, vk_replica_note_free)

gboolean vk_replica_note_has(const VkReplicaNote *note, const char *snapshot_id);
void vk_replica_note_add(VkReplicaNote *note, const char *snapshot_id);

/* Removes all ids that are not in KEEP, a set of ids: no vault has them any more. */
void vk_replica_note_prune(VkReplicaNote *note, GHashTable *keep);

/* Puts it durably, unless nothing was added. */
gboolean vk_replica_note_put(VkReplicaNote *note, GError **error);
