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

/* The same with the id of the COLLECTOR that compacts it. New string. */
char *vk_pack_compacted_object(const VkPackId *id, guint32 generation, const char *collector);

/* What a name within a folder packs/<hh> says. FALSE when it is not a pack's. */
gboolean vk_pack_parse_name(const char *name, VkPackId *ret_id, guint64 *ret_generation);

/* All pack ids of the vault, each once, unordered. GArray of VkPackId. */
GArray *vk_pack_list(VkStore *store, GError **error);

/*
 * The names of all generations of a pack that are there, highest first; a bounded number of them.
 * New strings.
 */
GPtrArray *vk_pack_generations(VkStore *store, const VkPackId *id, GError **error);

/* Calls VISIT for each pack of the vault, unordered, with its generations as above. */
typedef void (*VkPackVisit)(gpointer user, const VkPackId *id, const GPtrArray *objects);
gboolean vk_pack_visit(VkStore *store, VkPackVisit visit, gpointer user, GError **error);
