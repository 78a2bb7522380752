/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackCache: the tables of the most recently used packs. A pack's header, trailer and table are
 * verified when it is first used. Threads: free.
 */
#pragma once

#include "store.h"
#include "pack-context.h"
#include "pack-name.h"
#include "pack-table.h"

#include <glib.h>

typedef struct VkPackCache VkPackCache;

/* STORE and CONTEXT are borrowed. */
VkPackCache *vk_pack_cache_new(VkStore *store, const VkPackContext *context);
void vk_pack_cache_free(VkPackCache *cache);

/*
 * The table of a pack, of the generation that is there. Returns a new reference. VK_ERROR_DAMAGE
 * when the pack is damaged, truncated or of another vault; VK_ERROR_DAMAGE too when it is missing,
 * for only addresses in use are asked for.
 */
VkPackTable *vk_pack_cache_get(VkPackCache *cache, const VkPackId *id, GError **error);
