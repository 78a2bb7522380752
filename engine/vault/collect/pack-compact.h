/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compaction of a pack: its next generation without the slots that nothing refers to. Addresses
 * stay. Threads: free.
 */
#pragma once

#include "slot-set.h"
#include "store.h"
#include "pack-context.h"
#include "pack-table.h"
#include "rate-limit.h"

#include <glib.h>

/* The stored bytes of what vk_pack_compact() would make of TABLES and LIVE. */
guint64 vk_pack_compacted_size(const VkPackContext *context, const GPtrArray *tables,
			       const VkSlots *live);

/*
 * Whether all generations have the keys of the first. A patch of an encrypted vault has its own, so
 * its frames cannot stand beside those of the others.
 */
gboolean vk_pack_tables_share_keys(const GPtrArray *tables);

/*
 * Writes the slots of LIVE as the object NAME, durably, with the given generation in its header.
 * TABLES are VkPackTable*, of generations of one pack that share keys, at least one; a slot is
 * taken from the first in which it is sound. Each frame is verified and copied as it is. Reads no
 * faster than LIMIT (nullable) allows. VK_ERROR_EXISTS; VK_ERROR_DAMAGE when a live slot is damaged
 * or is in no table: nothing is written then.
 */
gboolean vk_pack_compact(VkStore *store, const VkPackContext *context, const GPtrArray *tables,
			 const VkSlots *live, const char *name, guint32 generation,
			 VkRateLimit *limit, GError **error);
