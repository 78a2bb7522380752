/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The garbage collector: removes forgotten snapshots, and gives back the space of blocks that no
 * snapshot refers to, while others write and read. It follows tests/model/README.md, whose steps
 * (G0 to G7) are named in the source. Memory: some 150 bytes for each pack, and twice as many for
 * each snapshot. Threads: one caller at a time.
 */
#pragma once

#include "rate-limit.h"
#include "removal.h"
#include "vault.h"

#include <glib.h>

typedef struct VkCollectOptions {
	/* Change nothing: say what would be done. Without a lease, so that it keeps nothing: if
	   another one collects meanwhile, what that removes does not count. */
	gboolean dry_run;
	/* In a dry run: VkSnapshotKey* that count as forgotten. Nullable, borrowed. */
	const GPtrArray *would_forget;
	VkRateLimit *limit; /* of reading what is compacted; nullable */
	/* How long a lease may show no sign of life until it is suspected; 0: half an hour. */
	gint64 suspect_usec;
	VkRemoval removal; /* what is told of snapshots that go */
	/* Says what it is doing, or waiting for: text for a progress line. Nullable. */
	void (*on_step)(gpointer user, const char *text);
	gpointer user;
} VkCollectOptions;

/* What was done, or would be. */
typedef struct VkCollectResult {
	guint snapshots; /* removed */
	guint packs;     /* deleted */
	guint compacted; /* packs */
	guint64 bytes;   /* that came back */
	/* The vault was of an earlier version, whose backups have no leases. From now on they are
	   refused, and nothing else was done: those at work have to end before the next run. */
	gboolean took_over;
} VkCollectResult;

/*
 * Collects. What is interrupted or fails half way leaves a whole vault, and is done by the next
 * run; RESULT says what was done until then. VK_ERROR_BUSY when another collector is at work.
 * VK_ERROR_DAMAGE names a snapshot of which cannot be read what it refers to: nothing is deleted
 * then.
 */
gboolean vk_collect(VkVault *vault, const VkCollectOptions *options, VkCollectResult *result,
		    GError **error);
