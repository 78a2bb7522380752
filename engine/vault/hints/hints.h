/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHints: where blocks may be found by their id, for deduplication only. Hints may be stale,
 * partial, lost or wrong: the caller compares the full id of what they point to. They may name
 * packs of sessions under way: the caller adopts what it uses. They are sorted files below hints/,
 * searched in place. A session writes one; many are merged. Memory is bounded: new hints spill into
 * sorted temporary files. Threads: free, but for open, commit and free.
 */
#pragma once

#include "format.h"
#include "hints-place.h"

#include <glib.h>

typedef struct VkHints VkHints;

/*
 * Opens the hints at PLACE, which is copied. If a file is damaged or unreadable, or if there is
 * none, it takes hints from the tables of all packs, without the damaged ones, and removes damaged
 * files. If the storage fails meanwhile, hints are missing and no file is removed. Fails on
 * vk_interrupted().
 */
VkHints *vk_hints_open(const VkHintsPlace *place, GError **error);

/* What a rebuild found. */
typedef struct VkHintsRebuilt {
	guint packs;      /* whose blocks have hints now */
	guint unreadable; /* packs whose blocks have none: the next backup stores them again */
} VkHintsRebuilt;

/*
 * Makes the hints at PLACE anew from the tables of all packs. Then it removes those that were there
 * before. Sessions may be at work meanwhile. Fails on vk_interrupted(), and if a pack that may be
 * sound cannot be read or the new hints cannot be put: the old ones stay then.
 */
gboolean vk_hints_rebuild(const VkHintsPlace *place, VkHintsRebuilt *ret, GError **error);

/* What that would find. Nothing changes. */
gboolean vk_hints_rebuild_dry(const VkHintsPlace *place, VkHintsRebuilt *ret, GError **error);

/* The newest hint for ID, if any. */
gboolean vk_hints_lookup(VkHints *hints, const VkBlockId *id, VkPackId *ret_pack,
			 guint32 *ret_slot);

/* Adds a hint, visible to lookups at once. Failures to spill only lose hints. */
void vk_hints_add(VkHints *hints, const VkBlockId *id, const VkPackId *pack, guint32 slot);

/*
 * Writes the added hints into the vault as one file, and merges older files of like size into it.
 * Writes none where there were none, and the packs could not be read.
 */
gboolean vk_hints_commit(VkHints *hints, GError **error);
void vk_hints_free(VkHints *hints); /* takes NULL; uncommitted hints are lost */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHints, vk_hints_free)
