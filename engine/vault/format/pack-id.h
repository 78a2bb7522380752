/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ids of packs, and of vaults and sessions, which have the same form; and of blocks. Threads:
 * free. */
#pragma once

#include "format.h"

#include <glib.h>

/* For GHashTable. The ids are random, so that any four bytes are a hash. */
guint vk_pack_id_hash(gconstpointer id);
gboolean vk_pack_id_equal(gconstpointer a, gconstpointer b);

/* For GHashTable: the same of VkBlockId, hashes themselves. */
guint vk_block_id_hash(gconstpointer id);
gboolean vk_block_id_equal(gconstpointer a, gconstpointer b);

/* A new random id; its 32 hex digits; and back. */
VkPackId vk_pack_id_random(void);
void vk_pack_id_format(const VkPackId *id, char ret_hex[33]);
gboolean vk_pack_id_parse(const char *hex, VkPackId *ret);
