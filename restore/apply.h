/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applies a plan: does what it says, and nothing else. Threads: one at a time.
 */
#pragma once

#include "array.h"
#include "lazy-host.h"
#include "plan.h"

#include <glib.h>

/* What plans are applied with. All borrowed. */
typedef struct VkApplyTools {
	VkLazyHost *host;
	VkArrays *arrays;
	const char *run_dir; /* of the guests' locks */
	guint shutdown_timeout_sec;
} VkApplyTools;

/*
 * Does what PLAN says; on failure nothing of it stays. A guest is locked meanwhile, or
 * VK_ERROR_BUSY. *RET_STARTED: this call started it.
 */
gboolean vk_apply(const VkRestorePlan *plan, const VkApplyTools *tools, gboolean *ret_started,
		  GError **error);
