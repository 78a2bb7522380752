/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Repairing a vault: what checks have found damaged is looked for elsewhere, and goes back into the
 * slots where it was. No snapshot changes. Threads: one caller at a time.
 */
#pragma once

#include "array.h"
#include "healer.h"
#include "vault.h"

#include <glib.h>

typedef struct VkRepairOptions {
	const GPtrArray *vaults; /* VkVault*: copies and replicas of the vault; nullable */
	char *const *images;     /* raw files and block devices; nullable */
	VkArrays *arrays;        /* their copies of snapshots are read; nullable */
	gboolean dry_run;        /* look, but put nothing */
} VkRepairOptions;

typedef struct VkRepairResult {
	guint healed;    /* blocks; in a dry run those that would be */
	GArray *missing; /* VkMissingSlot: those that are still damaged; owned */
} VkRepairResult;

void vk_repair_result_clear(VkRepairResult *result);

/*
 * Looks in what OPTIONS name, one after the other, until nothing is missing. What was healed before
 * a failure stays, and is in RESULT, which is set in any case. Stops on vk_interrupted().
 */
gboolean vk_repair(VkVault *vault, const VkRepairOptions *options, VkRepairResult *result,
		   GError **error);
