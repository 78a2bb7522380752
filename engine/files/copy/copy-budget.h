/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCopyBudget: what a copy may write to the file system of its directory. It is as much as was
 * announced, or more as long as the file system keeps a rest for others: what a guest says of its
 * files can be wrong. Threads: one at a time.
 */
#pragma once

#include "copy-sum.h"

#include <glib.h>

typedef struct VkCopyBudget {
	guint64 bytes, entries; /* that may still be written */
	guint64 awaited;        /* bytes that were announced, and are not yet written */
} VkCopyBudget;

/*
 * Looks whether SUM fits below the directory ROOT, which is called TITLE. VK_ERROR_FAILED says how
 * much room is missing.
 */
gboolean vk_copy_budget_set(VkCopyBudget *budget, int root, const char *title, const VkCopySum *sum,
			    GError **error);

/* Takes from it. FALSE when that is more than is left. */
gboolean vk_copy_budget_take(VkCopyBudget *budget, guint64 bytes, guint64 entries);
