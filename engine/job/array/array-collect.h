/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkArrayCollect: what the snapshots that a garbage collection removes have on arrays. It goes with
 * them, as far as this host reaches the arrays. Memory: 64 snapshot objects. Threads: one at a
 * time.
 */
#pragma once

#include "array.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkArrayCollect VkArrayCollect;

/* Both are borrowed. */
VkArrayCollect *vk_array_collect_new(VkArrays *arrays, VkVault *vault);
void vk_array_collect_free(VkArrayCollect *collect); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkArrayCollect, vk_array_collect_free)

/*
 * SNAPSHOT, which is taken over, is about to be removed; those before it have been. Its copies get
 * the mark of leftovers: what this run does not come to, the next backup of the guest to its array
 * removes. COLLECT is a VkArrayCollect.
 */
void vk_array_collect_add(gpointer collect, VkSnapshot *snapshot);

/*
 * Removes the copies of those that are not in the vault any more. VK_ERROR_PARTIAL when arrays keep
 * copies: *RET_LEFT is of how many snapshots.
 */
gboolean vk_array_collect_finish(VkArrayCollect *collect, guint *ret_left, GError **error);
