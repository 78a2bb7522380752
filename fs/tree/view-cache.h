/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkViewCache: the views of snapshots that were used last. A view is loaded when it is first asked
 * for, stays as long as it is in use, and may be dropped and loaded again after that. So the memory
 * of a mount does not grow with the number of snapshots that were read. Threads: free.
 */
#pragma once

#include "catalog.h"
#include "parts.h"
#include "view.h"

#include <glib.h>

typedef struct VkViewCache VkViewCache;
typedef struct VkCachedView VkCachedView; /* counted reference to a view */

/* Returns a new view. Called by any thread, without a lock. */
typedef VkView *(*VkViewCacheLoad)(void *data, const VkSnapshotKey *key, GError **error);

/* Keeps up to LIMIT views that are not in use. */
VkViewCache *vk_view_cache_new(VkViewCacheLoad load, void *data, guint limit);

/* All views must have been given back. */
void vk_view_cache_free(VkViewCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkViewCache, vk_view_cache_free)

/* Returns a reference, to be given back by vk_cached_view_unref(). */
VkCachedView *vk_view_cache_get(VkViewCache *cache, const VkSnapshotKey *key, GError **error);

VkView *vk_cached_view(VkCachedView *cached);        /* borrowed */
VkParts *vk_cached_view_parts(VkCachedView *cached); /* borrowed */
VkCachedView *vk_cached_view_ref(VkCachedView *cached);
void vk_cached_view_unref(VkCachedView *cached); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCachedView, vk_cached_view_unref)
