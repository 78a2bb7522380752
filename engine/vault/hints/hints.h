/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHints: where blocks may be found by their id, for deduplication only. Hints may be stale,
 * partial, lost or wrong: what they point to is compared by its full id before use. They may name
 * packs of sessions under way, so that what is found is adopted. They are
 * sorted files below hints/, searched in place, one written a session and merged when
 * they are many. Memory is bounded: new hints spill into a sorted temporary file. Threads: free,
 * but for open, commit and free.
 */
#pragma once

#include "format.h"
#include "hints-place.h"

#include <glib.h>

typedef struct VkHints VkHints;

/*
 * Opens the hints at PLACE, which is copied. Those that are damaged or cannot be read are removed; then, and when there
 * are none although there are packs, they are rebuilt from the packs' tables (packs whose table is
 * damaged are left out). Fails when the packs cannot be listed, or interrupted.
 */
VkHints *vk_hints_open(const VkHintsPlace *place, GError **error);

/* The newest hint for ID, if any. */
gboolean vk_hints_lookup(VkHints *hints, const VkBlockId *id, VkPackId *ret_pack,
			 guint32 *ret_slot);

/* Adds a hint, visible to lookups at once. Failures to spill only lose hints. */
void vk_hints_add(VkHints *hints, const VkBlockId *id, const VkPackId *pack, guint32 slot);

/* Makes what was added a hint file of the vault, merging with older files of like size. */
gboolean vk_hints_commit(VkHints *hints, GError **error);
void vk_hints_free(VkHints *hints); /* takes NULL; uncommitted hints are lost */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHints, vk_hints_free)
