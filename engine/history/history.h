/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHistory: what was done on this host, task by task, in a SQLite file. Several processes may use
 * it at once. It is for people: no backup depends on it, and it may be lost or damaged. A damaged
 * file is put aside, and a new one begun. Its size is bounded: the oldest tasks go. Threads: one at
 * a time.
 */
#pragma once

#include "task.h"

#include <glib.h>

typedef struct VkHistory VkHistory;

/*
 * Opens the history in DIRECTORY. MAKE: it and the directory are made if they are not there or not
 * finished, else that is VK_ERROR_NOT_FOUND.
 */
VkHistory *vk_history_open(const char *directory, gboolean make, GError **error);
void vk_history_free(VkHistory *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHistory, vk_history_free)

/*
 * Adds TASK, which begins, and gives it its id. While HISTORY is open and the process lives, it is
 * shown as running.
 */
gboolean vk_history_begin(VkHistory *history, VkTask *task, GError **error);

/* Adds what is known of TASK, which vk_history_begin() added, now that it has ended. */
gboolean vk_history_end(VkHistory *history, const VkTask *task, GError **error);

/* Removes the tasks that began before BEFORE, microseconds since 1970, and what is too much. */
gboolean vk_history_prune(VkHistory *history, gint64 before, GError **error);

/* Which tasks are wanted: those for which all that is set holds. */
typedef struct VkHistoryFilter {
	const char *about; /* the name or uuid of a guest that it was about, or the name of its job;
			      NULL: any */
	const char *kind;  /* NULL: any */
	gint64 since;      /* began then or later, microseconds since 1970 */
	guint max;         /* the newest so many; 0: all */
} VkHistoryFilter;

/*
 * The tasks, newest first, with their guests but without what lists do not have. Returns VkTask*,
 * owned by the array.
 */
GPtrArray *vk_history_list(VkHistory *history, const VkHistoryFilter *filter, GError **error);

/* One task whole. VK_ERROR_NOT_FOUND when there is none with this ID. */
VkTask *vk_history_load(VkHistory *history, guint64 id, GError **error);
