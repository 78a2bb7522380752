/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBlockCache: decoded blocks and map pages by address, least recently used ones dropped first.
 * A block that several threads want at once is decoded once. Threads: free.
 */
#pragma once

#include "pack-cache.h"

#include <glib.h>

typedef struct VkBlockCache VkBlockCache;

/* PACKS is borrowed. */
VkBlockCache *vk_block_cache_new(VkPackCache *packs);
void vk_block_cache_free(VkBlockCache *cache);
void vk_block_cache_set_size(VkBlockCache *cache, gsize bytes);

/*
 * The decoded bytes of a slot of the given VK_SLOT_KIND_*, their checksum verified. Returns a new
 * reference.
 */
GBytes *vk_block_cache_get(VkBlockCache *cache, const VkPackId *pack, guint32 slot, guint8 kind,
			   GError **error);

/*
 * The whole blocks of COUNT neighbouring slots of kind DATA into BUF, as of
 * vk_frames_read_blocks(). Nothing is kept, because a block that was read in whole is rarely read
 * again soon.
 */
gboolean vk_block_cache_read(VkBlockCache *cache, const VkPackId *pack, guint32 slot, guint32 count,
			     void *buf, GError **error);

/*
 * Gives the cache a slot of a pack that is not in the vault yet, and keeps it until the whole pack
 * is unpinned. For the writer's own map pages, which it may have to read again before they are put.
 */
void vk_block_cache_pin(VkBlockCache *cache, const VkPackId *pack, guint32 slot, GBytes *bytes);
void vk_block_cache_unpin_pack(VkBlockCache *cache, const VkPackId *pack);
