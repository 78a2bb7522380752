/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkReach: the data slots that images refer to, found by walking their maps. What is wrong there is
 * told, and the walk goes on. Threads: one caller at a time; then free to read.
 */
#pragma once

#include "slot-set.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkReach {
	VkVault *vault; /* borrowed */
	VkSlotSet *slots;
	guint64 bytes; /* that they take in packs */
} VkReach;

/* The error is borrowed. */
typedef void (*VkReachTrouble)(gpointer user, const GError *error);

VkReach *vk_reach_new(VkVault *vault);
void vk_reach_free(VkReach *reach); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkReach, vk_reach_free)

/*
 * Adds what IMAGE, which is in the vault, refers to. Calls TROUBLE for each map page that cannot be
 * read, which ends the walk, and for each extent that is known as lost or that its pack does not have,
 * which is passed over; once for the same trouble with extents in a row. Stops on vk_interrupted().
 */
void vk_reach_add(VkReach *reach, const VkImageRecord *image, VkReachTrouble trouble,
		  gpointer user);
