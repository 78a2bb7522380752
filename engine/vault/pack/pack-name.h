/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of packs in a store:
 *
 *   packs/<hh>/<pack id>.0                  as it was written
 *   packs/<hh>/<pack id>.<generation>-<id>  as the collector <id> compacted it
 *
 * A slot is the same in each generation that has it. Threads: free.
 */
#pragma once

#include "store.h"
#include "pack-id.h"

#include <glib.h>

/* The object's name within the vault, without the collector. New string. */
char *vk_pack_object(const VkPackId *id, guint32 generation);

/* All pack ids of the vault, each once, unordered. GArray of VkPackId. */
GArray *vk_pack_list(VkStore *store, GError **error);

/*
 * The names of all generations of a pack that are there, highest first; a bounded number of them.
 * New strings.
 */
GPtrArray *vk_pack_generations(VkStore *store, const VkPackId *id, GError **error);
