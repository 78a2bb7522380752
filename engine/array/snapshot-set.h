/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSnapshotSet: array snapshots of the volumes of any number of guests, at one instant. The guests
 * are its members, and each acts from a thread of its own. prepare, snap and settle are done once:
 * the first caller does the step, the others get the result. After the last leave, the array
 * snapshots that no member has kept are removed. Threads: free, but for new and free.
 */
#pragma once

#include "array.h"

#include <glib.h>
#include <jansson.h>

typedef struct VkSnapshotSet VkSnapshotSet;

/* VAULT_ID (32 hex digits) and LABEL (nullable, "daily") name and mark what is taken. */
VkSnapshotSet *vk_snapshot_set_new(VkArrays *arrays, const char *vault_id, const char *label);
void vk_snapshot_set_free(VkSnapshotSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSnapshotSet, vk_snapshot_set_free)

/* The guest UUID takes part for its snapshot ID; its disks are added before the preparation. */
void vk_snapshot_set_join(VkSnapshotSet *set, const char *uuid, const char *id);

/* Takes DISK over. */
void vk_snapshot_set_add(VkSnapshotSet *set, const char *uuid, const char *target,
			 VkArrayDisk *disk);

/* Everything slow, before a guest is held. This and the next two fail for all members. */
gboolean vk_snapshot_set_prepare(VkSnapshotSet *set, GError **error);

/* The member UUID is held no longer than LIMIT (monotonic, microseconds). */
void vk_snapshot_set_bound(VkSnapshotSet *set, const char *uuid, gint64 limit);

/* The point in time. All members that have not left are held, and what they wrote is flushed. */
gboolean vk_snapshot_set_snap(VkSnapshotSet *set, GError **error);

/* Makes it durable and known, after the guests go on. */
gboolean vk_snapshot_set_settle(VkSnapshotSet *set, GError **error);

/* To be asked after each of these. FALSE: a disk of the member UUID alone could not be taken. */
gboolean vk_snapshot_set_check(VkSnapshotSet *set, const char *uuid, GError **error);

/* After that: the copy of a disk. New reference. */
json_t *vk_snapshot_set_copy(VkSnapshotSet *set, const char *uuid, const char *target);

/* The member's snapshot is listed: its copies stay. A failure leaves a mark for the next run. */
gboolean vk_snapshot_set_keep(VkSnapshotSet *set, const char *uuid, GError **error);

/* Every member ends with it. */
void vk_snapshot_set_leave(VkSnapshotSet *set, const char *uuid);
