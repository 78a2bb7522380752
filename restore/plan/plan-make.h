/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the plan of a restore from what was asked for, the snapshot, and what the host has.
 * Threads: one at a time.
 */
#pragma once

#include "facts.h"
#include "restore-options.h"
#include "plan.h"

#include <glib.h>

/*
 * Makes the plan for VIEW's snapshot. VIEW must outlive it. OPTIONS were checked. Refusals name the
 * option that would allow it: VK_ERROR_EXISTS, VK_ERROR_FAILED, VK_ERROR_NOT_FOUND.
 */
VkRestorePlan *vk_restore_plan_make(const VkRestoreOptions *options, VkView *view,
				    const VkFacts *facts, GError **error);
