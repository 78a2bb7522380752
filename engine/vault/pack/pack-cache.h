/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackCache: the tables of the most recently used packs, each generation's beside the others. A
 * generation's header, trailer and table are verified when it is first used. Threads: free.
 */
#pragma once

#include "frame.h"
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
 * The table of a pack, of any generation: slots that others have may be missing. Returns a new
 * reference. VK_ERROR_DAMAGE when the pack is damaged, truncated or of another vault, and when it
 * is missing, because only addresses in use are asked for.
 */
VkPackTable *vk_pack_cache_get(VkPackCache *cache, const VkPackId *id, GError **error);

/* The same of a generation that has SLOT. VK_ERROR_DAMAGE also when none has it. */
VkPackTable *vk_pack_cache_find(VkPackCache *cache, const VkPackId *id, guint32 slot,
				GError **error);

/* Drops all tables of the pack of TABLE, because the object of this one is not there any more. */
void vk_pack_cache_drop(VkPackCache *cache, const VkPackTable *table);

/*
 * Reads, verifies and decodes a slot from a generation that has it: see vk_frame_read(). What is
 * damaged in one generation is read from another one, if it is sound there. RET_TABLE
 * (nullable): the table of that generation, a new reference. It is set on failure, too: to NULL if
 * no generation was found.
 */
gboolean vk_pack_cache_read(VkPackCache *cache, const VkPackId *id, guint32 slot, guint8 kind,
			    void *buf, gsize *ret_length, VkPackTable **ret_table, GError **error);

/*
 * Reads the whole blocks of COUNT slots from SLOT on, each from a generation that has it: see
 * vk_frames_read_blocks().
 */
gboolean vk_pack_cache_read_blocks(VkPackCache *cache, const VkPackId *id, guint32 slot,
				   guint32 count, void *buf, GError **error);

/*
 * The same for blocks of any length: see vk_frames_read_slots(). FUNC may be called again for a
 * slot. Of one that is damaged in a generation, and sound in another, the stored form is not known.
 */
gboolean vk_pack_cache_read_slots(VkPackCache *cache, const VkPackId *id, guint32 slot,
				  guint32 count, VkReadSlotFunc func, gpointer user,
				  GError **error);
