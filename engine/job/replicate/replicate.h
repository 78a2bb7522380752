/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replication: the snapshots of a vault go into another one, where they have the same ids and
 * times. Only blocks that are not there are sent. Each vault has its own policy: what is forgotten
 * in the other vault is not sent again, and pins stay where they are. A copy on an array stays with
 * the first vault, whose collector removes it. Threads: one caller at a time.
 */
#pragma once

#include "catalog.h"
#include "rate-limit.h"
#include "vault.h"

#include <glib.h>

/* What became of a snapshot, or in a dry run, what would. */
typedef enum {
	VK_REPLICA_SENT,     /* it is there now */
	VK_REPLICA_PRESENT,  /* it was there */
	VK_REPLICA_LEFT,     /* it was there, and was forgotten there: so it stays */
	VK_REPLICA_ON_ARRAY, /* an array alone has some of its disks: there is nothing to send */
	VK_REPLICA_BACK,     /* the mirror has listed it again */
	VK_REPLICA_DROPPED,  /* the mirror has forgotten it there */
	VK_REPLICA_FAILED,
	VK_REPLICA_OUTCOMES /* how many there are */
} VkReplicaOutcome;

typedef struct VkReplica {
	char *name; /* GUEST@TIME */
	const char *guest;
	const VkSnapshotKey *key;
	VkReplicaOutcome outcome;
	guint64 read;          /* bytes read from the first vault */
	guint64 fresh, stored; /* bytes of blocks that the other did not have, and what they take */
	const GError *trouble; /* of VK_REPLICA_FAILED */
} VkReplica;

typedef struct VkReplicateOptions {
	char *const *names; /* guests and snapshots; NULL or empty: all */
	guint newest;       /* of each guest so many; 0: all */
	gint64 since;       /* only those taken from then on, in seconds since 1970 */
	gboolean mirror;  /* forget and list again there what the first vault does not list, or does
			   */
	gboolean decrypt; /* from a vault that is encrypted into one that is not: else refused */
	gboolean dry_run;
	guint workers;      /* threads; 0: one for each core */
	VkRateLimit *limit; /* of reading; nullable */
	/* Called for each snapshot, but for those that were there. */
	void (*on_done)(gpointer user, const VkReplica *replica);
	gpointer user;
} VkReplicateOptions;

typedef struct VkReplicateResult {
	guint count[VK_REPLICA_OUTCOMES];
	gboolean is_damaged;   /* a snapshot failed because the first vault is damaged */
	guint64 fresh, stored; /* bytes of all */
} VkReplicateResult;

/*
 * Replicates as OPTIONS say. A snapshot that fails keeps no other; RESULT counts it. FALSE when the
 * rest was not tried: what was done is in RESULT, which is set in any case. Stops on
 * vk_interrupted().
 */
gboolean vk_vault_replicate(VkVault *from, VkVault *to, const VkReplicateOptions *options,
			    VkReplicateResult *result, GError **error);
