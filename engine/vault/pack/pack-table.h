/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pack tables: which slots a pack has and where. A pack's header, trailer and table are verified
 * when it is first used; the tables of the most recently used packs are kept. Threads: free.
 */
#pragma once

#include "store.h"
#include "format.h"
#include "pack-context.h"
#include "pack-id.h"

#include <glib.h>

typedef struct VkPackTable {
	VkPackId id;
	char *object; /* name within the vault, with the generation */
	guint32 slots;
	VkTableEntry *entries; /* in host byte order */
	gatomicrefcount refs;
} VkPackTable;

typedef struct VkPackCache VkPackCache;

/* STORE and CONTEXT are borrowed. */
VkPackCache *vk_pack_cache_new(VkStore *store, const VkPackContext *context);
void vk_pack_cache_free(VkPackCache *cache);

/*
 * The table of a pack, of the generation that is there. Returns a new reference. VK_ERROR_DAMAGE
 * when the pack is damaged, truncated or of another vault; VK_ERROR_DAMAGE also when it is missing,
 * because a snapshot refers to it.
 */
VkPackTable *vk_pack_cache_get(VkPackCache *cache, const VkPackId *id, GError **error);
VkPackTable *vk_pack_table_ref(VkPackTable *table);
void vk_pack_table_unref(VkPackTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPackTable, vk_pack_table_unref)

/* How many bytes the slot, which must be there, takes in the pack. */
gsize vk_pack_table_length(const VkPackTable *table, guint32 slot);

/* All pack ids of the vault, each once, unordered. GArray of VkPackId. */
GArray *vk_pack_list(VkStore *store, GError **error);

/* The object's name within the vault. New string. */
char *vk_pack_object(const VkPackId *id, guint32 generation);
