/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A copy from a snapshot to wherever it goes. Threads: one at a time. */
#pragma once

#include "commands.h"
#include "copy-count.h"
#include "copy-sum.h"

#include <glib.h>

/* Where a copy goes: a directory of this host, or of a running guest. */
typedef struct VkCopyTarget {
	const char *title;   /* for the last message */
	guint64 entries_max; /* it cannot have more; G_MAXUINT64: nobody knows */
	VkWalkCalls calls;   /* of a walk with all flags but VK_WALK_FOLLOW */
	/* A copy called NAME of what is SUM begins. FALSE when there is no room for it. */
	gboolean (*begin)(gpointer data, const char *name, const VkCopySum *sum, GError **error);
	/* It ends: what has to wait until all is there. */
	gboolean (*end)(gpointer data, GError **error);
	gpointer data;
	const VkCopyCount *count;
} VkCopyTarget;

/*
 * Copies what is at LOCATION under the last name of its path. Trouble that others need not suffer
 * from is kept in *WORST, as vk_files_walk_on() does.
 */
gboolean vk_copy_run(const VkFilesRun *run, VkGuestFiles *files, const VkLocation *location,
		     const VkCopyTarget *target, GError **worst, GError **error);

/* Adds PART to SUM. */
void vk_copy_count_add(VkCopyCount *sum, const VkCopyCount *part);

/* Says what was done, and what was not. Takes WORST. FALSE with an error when something was not. */
gboolean vk_copy_report(const VkFilesRun *run, const VkCopyCount *count, const char *title,
			GError *worst, GError **error);
