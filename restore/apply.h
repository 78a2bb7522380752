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

/* What was done, whether or not it succeeded. */
typedef struct VkApplied {
	gboolean kept;    /* the files stay */
	gboolean started; /* the guest was started */
} VkApplied;

/*
 * Does what PLAN says. After a failure no file of it stays, unless RET says so: then all is
 * restored, but the guest does not start, or a block device could not be put back. A guest is
 * locked meanwhile, or VK_ERROR_BUSY.
 */
gboolean vk_apply(const VkRestorePlan *plan, const VkApplyTools *tools, VkApplied *ret,
		  GError **error);
