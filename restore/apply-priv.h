/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of apply.h: the ways to apply a plan, and what they share. Threads: one at a time.
 */
#pragma once

#include "apply.h"
#include "swap.h"

#include <glib.h>

/* Writes the items whose place is a block device, or (BLOCKS FALSE) those whose place is not. */
gboolean vk_apply_items(const VkRestorePlan *plan, VkArrays *arrays, VkSwap *swap, gboolean blocks,
			GError **error);

/*
 * Adds ITEM, which was written to SINK, to SWAP: with the list of what is missing in it, which
 * takes its place first. If nothing is missing, the list of an earlier restore goes. Takes over
 * SINK, which was finished.
 */
gboolean vk_apply_add(VkSwap *swap, const VkRestoreItem *item, VkSink *sink, GError **error);

/*
 * Lets the array fill the file of ITEM, which has a clone. *RET_SINK is finished; NULL when the
 * array cannot reach there after all: then the disk must be copied.
 */
gboolean vk_apply_clone(VkArrays *arrays, const VkRestoreItem *item, VkSwap *swap,
			VkSink **ret_sink, GError **error);

/* VK_ERROR_CHANGED when a file below ITEM's clone has changed since the snapshot. */
gboolean vk_apply_check_kept(VkArrays *arrays, const VkRestoreItem *item, GError **error);

/*
 * The parts of vk_apply() for a new guest and for one in place. HOST is that of TOOLS, connected.
 */
gboolean vk_apply_guest(const VkRestorePlan *plan, const VkApplyTools *tools, VkHost *host,
			VkApplied *ret, GError **error);
gboolean vk_apply_in_place(const VkRestorePlan *plan, const VkApplyTools *tools, VkHost *host,
			   VkApplied *ret, GError **error);

/* Starts GUEST unless it runs. */
gboolean vk_apply_start(VkGuest *guest, gboolean *ret_started, GError **error);

/* Sets autostart as the plan says; a failure is only logged, because the guest is restored. */
void vk_apply_autostart(const VkRestorePlan *plan, VkGuest *guest);

/* Removes the saved memory state that the plan drops. */
gboolean vk_apply_drop_save(const VkRestorePlan *plan, GError **error);
