/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What two walks have in different ways. Memory does not grow with them. Threads: one at a time. */
#pragma once

#include "diff-side.h"

#include <glib.h>

typedef enum {
	VK_DIFF_ADDED,
	VK_DIFF_REMOVED,
	VK_DIFF_TYPE,     /* a file became a directory, and the like */
	VK_DIFF_CONTENT,  /* contents if they were walked, else size or time; target; device */
	VK_DIFF_METADATA, /* owner or mode; time if contents were walked */
	VK_DIFF_KINDS,
} VkDiffKind;

/* One of BEFORE and AFTER is NULL for what was added or removed. FALSE with an error ends all. */
typedef gboolean (*VkDiffReport)(gpointer data, VkDiffKind kind, const VkEntry *before,
				 const VkEntry *after, GError **error);

/*
 * Reports in the order of the walks. What one side could not read is not compared. The times of
 * directories are not, as they change with what is in them.
 */
gboolean vk_tree_diff(VkDiffSide *before, VkDiffSide *after, VkDiffReport report, gpointer data,
		      GError **error);
