/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps: which address holds a block of an image. VkMap looks blocks up in a list of runs, newest
 * first; opening one reads nothing. Threads: free.
 */
#pragma once

#include "blockcache.h"
#include "snapshot.h"

#include <glib.h>

/* COUNT blocks from FIRST on, of one kind; data lies in consecutive slots of one pack. */
typedef struct VkExtent {
	guint32 first;
	guint32 count;
	VkExtentKind kind;
	VkPackId pack; /* data only */
	guint32 slot;  /* data only: of FIRST */
} VkExtent;

typedef struct VkMap VkMap;

/*
 * CACHE reads the pages. CACHE and RUNS (VkRun*, newest first) are borrowed until the free. BLOCKS is
 * how many the image has.
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

/* The number of blocks of an image of SIZE bytes, at most VK_IMAGE_SIZE_MAX. */
guint32 vk_blocks_of_size(guint64 size);
