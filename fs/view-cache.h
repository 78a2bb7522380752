/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkShelf: the views of snapshots that were used last. A view is loaded when it is first asked for,
 * stays as long as somebody holds it, and may be dropped and loaded again after that: so the memory
 * of a mount does not grow with the number of snapshots looked into. Threads: free.
 */
#pragma once

#include "catalog.h"
#include "view.h"

#include <glib.h>

typedef struct VkShelf VkShelf;
typedef struct VkShelfView VkShelfView; /* counted reference to a view */

/* Returns a new view. Called by any thread, without a lock. */
typedef VkView *(*VkShelfLoad)(void *data, const VkSnapshotKey *key, GError **error);

/* Keeps up to LIMIT views that nobody holds. */
VkShelf *vk_shelf_new(VkShelfLoad load, void *data, guint limit);

/* All views must have been given back. */
void vk_shelf_free(VkShelf *shelf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkShelf, vk_shelf_free)

/* Returns a reference, to be given back by vk_shelf_view_unref(). */
VkShelfView *vk_shelf_get(VkShelf *shelf, const VkSnapshotKey *key, GError **error);

VkView *vk_shelf_view(VkShelfView *held); /* borrowed */
VkShelfView *vk_shelf_view_ref(VkShelfView *held);
void vk_shelf_view_unref(VkShelfView *held); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkShelfView, vk_shelf_view_unref)
