/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkArrayCollect: what the snapshots that a garbage collection removes have on arrays. It goes with
 * them, as far as this host reaches the arrays. Threads: one at a time.
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
 * SNAPSHOT, which is taken over, is about to be removed. Its copies get the mark of leftovers: what
 * this run does not come to, the next backup of the guest to its array removes. COLLECT is a
 * VkArrayCollect.
 */
void vk_array_collect_add(gpointer collect, VkSnapshot *snapshot);

/* Removes the copies of those that are not in the vault any more. Warns of what stays. */
void vk_array_collect_finish(VkArrayCollect *collect);
