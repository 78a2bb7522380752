/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGroup: what makes the snapshots of several guests one instant. Each guest has a thread of its
 * own; they meet at the stages, so that all are held before the first point in time is taken, and
 * none goes on before the last one is. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkGroup VkGroup;

typedef enum {
	VK_GROUP_PLANNED, /* with arrays: it is known what they have to snapshot */
	VK_GROUP_READY,   /* everything slow is done */
	VK_GROUP_HELD,    /* frozen, suspended, or not to be held */
	VK_GROUP_BEGUN,   /* the point in time is taken */
	VK_GROUP_STAGES
} VkGroupStage;

VkGroup *vk_group_new(guint members);
void vk_group_free(VkGroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGroup, vk_group_free)

/* Its name: the same in all its snapshots, and in no other's. Borrowed. */
const char *vk_group_id(const VkGroup *group);

/*
 * Waits until every member came to STAGE. FALSE when DEADLINE (monotonic, microseconds) passes, or
 * on interruption: the caller must leave then.
 */
gboolean vk_group_wait(VkGroup *group, VkGroupStage stage, gint64 deadline, GError **error);

/* The caller comes to no later stage; the others no longer wait for it. */
void vk_group_leave(VkGroup *group);

/* The caller's point in time is now. */
void vk_group_note_point(VkGroup *group);

/* From the first to the last point in time, microseconds. After the stage "begun". */
guint64 vk_group_skew_usec(VkGroup *group);

/* The instant of all, in seconds since 1970. After the stage "held". */
gint64 vk_group_time(VkGroup *group);
