/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying out a plan.
 */
#pragma once

#include "plan.h"
#include "swap.h"

#include <glib.h>

/*
 * Does what PLAN says and nothing else; on failure nothing of it stays. A guest is locked meanwhile,
 * in RUN_DIR, or VK_ERROR_BUSY. *RET_STARTED tells whether it was started by this.
 */
gboolean vk_plan_carry_out(const VkPlan *plan, const char *run_dir, guint shutdown_timeout_sec,
			   gboolean *ret_started, GError **error);

/* Writes the items whose place is a block device, or (BLOCKS FALSE) those whose place is not. */
gboolean vk_carry_items(const VkPlan *plan, VkSwap *swap, gboolean blocks, GError **error);

/*
 * Lets the array fill the file of ITEM, which has a clone. *RET_SINK is finished; NULL when the
 * array turns out not to reach there: then the disk is to be copied.
 */
gboolean vk_carry_clone(const VkPlan *plan, const VkPlanItem *item, VkSwap *swap, VkSink **ret_sink,
			GError **error);

/* VK_ERROR_CHANGED when a file below ITEM's clone is not any more what it was in the snapshot. */
gboolean vk_carry_check_kept(const VkPlan *plan, const VkPlanItem *item, GError **error);

/* The parts of vk_plan_carry_out() for a new guest and for one in place. */
gboolean vk_carry_guest(const VkPlan *plan, VkHost *host, gboolean *ret_started, GError **error);
gboolean vk_carry_in_place(const VkPlan *plan, VkHost *host, guint shutdown_timeout_sec,
			   gboolean *ret_started, GError **error);

/* Starts GUEST unless it runs. */
gboolean vk_carry_start(VkGuest *guest, gboolean *ret_started, GError **error);

/* Sets autostart as the plan says; a failure is only logged, for the guest is restored. */
void vk_carry_autostart(const VkPlan *plan, VkGuest *guest);

/* Removes the saved memory state that the plan drops. */
gboolean vk_carry_drop_save(const VkPlan *plan, GError **error);
