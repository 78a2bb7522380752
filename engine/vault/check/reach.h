/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkReach: the data slots that images refer to. It walks their maps, reports what is wrong there
 * and goes on. The slots of the maps themselves are not in it. Threads: one caller at a time; then
 * free to read.
 */
#pragma once

#include "extent.h"
#include "slot-set.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkReach {
	VkVault *vault; /* borrowed */
	VkSlotSet *slots;
	guint64 bytes; /* that they take in packs */
} VkReach;

/* EXTENT is what cannot be read; NULL: its map, from some block on. Both are borrowed. */
typedef void (*VkReachTrouble)(gpointer user, const VkExtent *extent, const GError *error);

VkReach *vk_reach_new(VkVault *vault);
void vk_reach_free(VkReach *reach); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkReach, vk_reach_free)

/*
 * Adds the slots that IMAGE, which is in the vault, refers to. Calls TROUBLE if a map page cannot
 * be read, and ends there. Calls it for each extent that is known as lost or that its pack does not
 * have, and skips the extent. Stops on vk_interrupted().
 */
void vk_reach_add(VkReach *reach, const VkImageRecord *image, VkReachTrouble trouble,
		  gpointer user);
