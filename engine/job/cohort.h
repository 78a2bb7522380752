/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkJoint: guests whose snapshots are taken together: those of a group that was asked for, and those
 * with disks on one volume of an array, which snapshots it as a whole. Threads: one at a time.
 */
#pragma once

#include "array.h"
#include "group.h"
#include "guestoptions.h"
#include "host.h"
#include "vault.h"

#include <glib.h>

typedef struct VkJoint {
	VkGroup *group;
	VkTake *take;
} VkJoint;

VkJoint *vk_joint_new(VkArrays *arrays, VkVault *vault, const char *label, guint members);
void vk_joint_free(VkJoint *joint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkJoint, vk_joint_free)

/*
 * Puts the guests UUIDS (char*) together that share volumes. Returns a number for each: guests with
 * the same one belong together, those with 0 to nobody. Guests that cannot be examined are left
 * alone: their backup says why.
 */
GArray *vk_joints_find(VkArrays *arrays, VkHost *host, const VkBackupOptions *options,
		       const GPtrArray *uuids);

/* The same of the VOLUMES of each guest (GPtrArray of char*; NULL: none). Pure. */
GArray *vk_joints_of_volumes(const GPtrArray *volumes);
