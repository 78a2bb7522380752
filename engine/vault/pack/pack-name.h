/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of packs in a store: packs/<hh>/<pack id>.<generation>. Compaction writes a pack again
 * under the next generation. Threads: free.
 */
#pragma once

#include "store.h"
#include "pack-id.h"

#include <glib.h>

/* The object's name within the vault. New string. */
char *vk_pack_object(const VkPackId *id, guint32 generation);

/* All pack ids of the vault, each once, unordered. GArray of VkPackId. */
GArray *vk_pack_list(VkStore *store, GError **error);

/* The object of the pack's highest generation, or NULL. New string. */
char *vk_pack_find_generation(VkStore *store, const VkPackId *id);
