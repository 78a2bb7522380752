/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps: which address holds a block of an image. VkMap looks blocks up in a list of runs, newest
 * first; opening one reads nothing. Threads: free.
 */
#pragma once

#include "block-cache.h"
#include "extent.h"
#include "run.h"

#include <glib.h>

typedef struct VkMap VkMap;

/*
 * CACHE reads the pages. CACHE and RUNS (VkRun*, newest first) are borrowed until the free. BLOCKS
 * is how many the image has.
 */
VkMap *vk_map_new(VkBlockCache *cache, const GPtrArray *runs, guint32 blocks);
void vk_map_free(VkMap *map); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMap, vk_map_free)

/*
 * What holds BLOCK (< blocks) and how many after it: *RET begins at BLOCK. *RET_PRESENT is FALSE
 * when no run names it; *RET is then a hole. VK_ERROR_DAMAGE when a page is damaged.
 */
gboolean vk_map_lookup(VkMap *map, guint32 block, VkExtent *ret, gboolean *ret_present,
		       GError **error);
