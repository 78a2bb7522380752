/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWatch: the tree in force and the thread that renews it when the vault's catalogue changes. The
 * thread reports by callbacks what the kernel has to forget. It holds no lock then, and first waits
 * until no request is answered from the old tree any more: so no answer can overtake the message
 * that makes it invalid. Threads: free, but for new, start and free.
 */
#pragma once

#include "once-log.h"
#include "view-cache.h"
#include "tree.h"
#include "vault.h"

#include <glib.h>

typedef struct VkWatch VkWatch;
typedef struct VkWatchUse VkWatchUse; /* a tree while a request is answered from it */

typedef struct VkWatchCalls {
	/* INO's attributes or content changed. */
	void (*inode)(void *data, guint64 ino);
	/* What PARENT has under NAME, or that it has nothing, is no longer true. */
	void (*entry)(void *data, guint64 parent, const char *name);
	void *data;
} VkWatchCalls;

/*
 * Reads the catalogue for the first time. The tree has the guests whose name fits the pattern
 * GUESTS of glob(7), or all for NULL. All but the error is borrowed until the free.
 */
VkWatch *vk_watch_new(VkVault *vault, VkViewCache *cache, VkOnceLog *log, const char *guests,
		      GError **error);

/* Looks for changes every PERIOD_MSEC. */
void vk_watch_start(VkWatch *watch, const VkWatchCalls *calls, guint period_msec);

/* Ends the thread. Takes NULL; may be called twice, and without a start. */
void vk_watch_stop(VkWatch *watch);
void vk_watch_free(VkWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkWatch, vk_watch_free)

/* The tree in force, until vk_watch_leave(). */
VkWatchUse *vk_watch_enter(VkWatch *watch);
const VkTree *vk_watch_tree(const VkWatchUse *use); /* borrowed */
void vk_watch_leave(VkWatchUse *use);

/* The snapshot's object turned out to be damaged: warns once and leaves it out from now on. */
void vk_watch_leave_out(VkWatch *watch, const VkSnapshotKey *key, const GError *why);
