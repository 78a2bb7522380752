/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMapWalk: all extents of a map, one after the other, as vk_map_lookup() of each next block tells
 * them. It looks at each extent of a page once, so that whoever wants them all gets them sooner.
 * Memory: a page and its directory for each run. Threads: one at a time.
 */
#pragma once

#include "map.h"

#include <glib.h>

typedef struct VkMapWalk VkMapWalk;

/* From the first block on. MAP is borrowed. */
VkMapWalk *vk_map_walk_new(const VkMap *map);
void vk_map_walk_free(VkMapWalk *walk); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMapWalk, vk_map_walk_free)

/*
 * The extent that follows, as of vk_map_lookup(); its count is 0 when the image ends. FALSE with
 * VK_ERROR_DAMAGE when a page is damaged; the walk is over then.
 */
gboolean vk_map_walk_next(VkMapWalk *walk, VkExtent *ret, gboolean *ret_present, GError **error);
