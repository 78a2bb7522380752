/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkMark: the slots that snapshots refer to, data and map pages alike. It is the mark phase of the
 * collector: what is not marked may go. So it never guesses: a map that cannot be read is an error.
 * The snapshots of one guest are best marked one after the other. Memory: that of the slots, and
 * some 100 bytes for each run of the maps of one guest. Threads: one at a time.
 */
#pragma once

#include "slot-set.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkMark VkMark;

/* VAULT is borrowed. */
VkMark *vk_mark_new(VkVault *vault);
void vk_mark_free(VkMark *mark); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMark, vk_mark_free)

/*
 * Marks what the images of SNAPSHOT in the vault refer to. Reads only maps, and of them only what
 * no snapshot marked before. Packs are not looked at. On failure what was marked stays marked.
 * Stops on vk_interrupted().
 */
gboolean vk_mark_add_snapshot(VkMark *mark, const VkSnapshot *snapshot, GError **error);

/* What is marked. Borrowed. */
const VkSlotSet *vk_mark_slots(const VkMark *mark);
