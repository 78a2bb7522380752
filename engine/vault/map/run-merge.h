/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the number of an image's runs small, as increments add runs. Threads: free. */
#pragma once

#include "run-writer.h"

#include <glib.h>

/*
 * Merges RUNS (VkRun*, newest first, of an image of BLOCKS blocks) where the newest have grown too
 * large against those below, so that at most VK_RUNS_MAX are left and the cost of a lookup and of
 * all merges stays logarithmic. CACHE reads the old runs, STORE writes the new one. Sets
 * *RET_UNREADABLE if it fails because a run cannot be read.
 */
gboolean vk_runs_merge(GPtrArray *runs, guint32 blocks, VkBlockCache *cache, VkSegmentFunc store,
		       gpointer user, gboolean *ret_unreadable, GError **error);
