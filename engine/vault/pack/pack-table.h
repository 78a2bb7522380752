/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackTable: which slots a pack has and where. Immutable. Threads: free.
 */
#pragma once

#include "store.h"
#include "format.h"
#include "pack-context.h"
#include "pack-id.h"
#include "pack-keys.h"
#include "mending.h"

#include <glib.h>

typedef struct VkPackTable {
	VkPackId id;
	char *object;        /* name within the vault, with the generation */
	VkPackHeader header; /* as it is in the pack */
	VkPackKeys *keys;    /* NULL: the vault is not encrypted */
	VkMending *mending;  /* all of the object is read through it */
	guint32 slots;
	VkTableEntry *entries; /* in host byte order */
	gatomicrefcount refs;
} VkPackTable;

/*
 * Reads the table of OBJECT, a generation of the pack ID, and verifies all but the frames. Returns
 * a new reference. VK_ERROR_NOT_FOUND when there is no such object; VK_ERROR_DAMAGE when it is
 * damaged, truncated or of another vault, and its parity does not help.
 */
VkPackTable *vk_pack_table_load(VkStore *store, const VkPackContext *context, const VkPackId *id,
				const char *object, GError **error);

/*
 * How many slots of OBJECT have a frame, and the bytes of all frames, as its trailer says: the
 * table is not read, nor the header. Errors as of vk_pack_table_load().
 */
gboolean vk_pack_table_summarize(VkStore *store, const char *object, guint32 *ret_live,
				 guint64 *ret_bytes, GError **error);

VkPackTable *vk_pack_table_ref(VkPackTable *table);
void vk_pack_table_unref(VkPackTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPackTable, vk_pack_table_unref)

/* Whether this generation of the pack has the slot: compaction drops those that nobody needs. */
gboolean vk_pack_table_has(const VkPackTable *table, guint32 slot);

/* Whether it has the slot, and that is a block of an image. */
gboolean vk_pack_table_has_data(const VkPackTable *table, guint32 slot);

/* How many bytes the slot, which must be there, takes in the pack. */
gsize vk_pack_table_length(const VkPackTable *table, guint32 slot);
