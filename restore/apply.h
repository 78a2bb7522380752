/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applying a plan: what it says is done, and nothing else. Threads: one at a time.
 */
#pragma once

#include "plan.h"

#include <glib.h>

/*
 * Does what PLAN says and nothing else; on failure nothing of it stays. A guest is locked meanwhile,
 * in RUN_DIR, or VK_ERROR_BUSY. *RET_STARTED tells whether it was started by this.
 */
gboolean vk_apply(const VkPlan *plan, const char *run_dir, guint shutdown_timeout_sec,
		  gboolean *ret_started, GError **error);
