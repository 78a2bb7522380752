/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be done with each snapshot of a guest in a replication. Threads: free. */
#pragma once

#include "catalog.h"
#include "replica-note.h"
#include "replicate.h"

#include <glib.h>

/* What a plan knows of a guest. All is borrowed. */
typedef struct VkReplicaFacts {
	const GPtrArray *from; /* VkSnapshotKey of the guest in the vault to be read, all */
	const GPtrArray *to;   /* those in the other vault, all */
	const VkReplicaNote *note;
	GHashTable *ids; /* set: of the snapshots that are wanted; NULL: all */
	const VkReplicateOptions *options;
} VkReplicaFacts;

typedef struct VkReplicaStep {
	const VkSnapshotKey *key; /* borrowed, of either list */
	VkReplicaOutcome outcome;
} VkReplicaStep;

/*
 * The steps, VkReplicaStep, in the order of the snapshots. *RET_KEPT: how many snapshots the mirror
 * does not forget, because the vault to be read may have lost them: it lists none of the guest, or
 * has nothing of more than half of those that the other vault lists.
 */
GArray *vk_replica_plan(const VkReplicaFacts *facts, guint *ret_kept);

/* The key with that ID in KEYS, VkSnapshotKey; NULL: there is none. Borrowed. */
const VkSnapshotKey *vk_replica_find_key(const GPtrArray *keys, const char *id);
