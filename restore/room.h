/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkRoom: what plans will write, against what is free where they write it. The plans are applied
 * one after the other: the next one has what the one before leaves. Threads: one at a time.
 */
#pragma once

#include "plan.h"

#include <glib.h>

typedef struct VkRoom VkRoom;

VkRoom *vk_room_new(void);
void vk_room_free(VkRoom *room);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkRoom, vk_room_free)

/*
 * Takes from ROOM what PLAN needs, and notes that in PLAN. VK_ERROR_FAILED when it is not there;
 * with the plan's force that is only noted, because a file system that compresses may take more
 * than it says.
 */
gboolean vk_room_take(VkRoom *room, VkRestorePlan *plan, GError **error);
