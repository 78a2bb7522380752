/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCollectPlan: the packs that a collector is going to delete or to compact. It is made of a
 * listing of the packs and of what is marked: a pack without a marked slot is deleted, one of which
 * more than half is dead is compacted. Threads: one at a time.
 */
#pragma once

#include "announcement.h"
#include "mark.h"
#include "rate-limit.h"
#include "vault.h"

#include <glib.h>

typedef struct VkCollectPlan VkCollectPlan;

/* The packs that there are now (G1), in no order. They are judged later. VAULT is borrowed. */
VkCollectPlan *vk_collect_plan_new(VkVault *vault, GError **error);
void vk_collect_plan_free(VkCollectPlan *plan); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCollectPlan, vk_collect_plan_free)

/*
 * Keeps the packs that are worth while by what is marked. Of packs that have marked slots, reads
 * the trailers, and the tables of those in which so many slots are dead that compaction may be
 * worth while. A pack of which that cannot be read is left alone. Stops on vk_interrupted().
 */
gboolean vk_collect_plan_choose(VkCollectPlan *plan, const VkSlotSet *marked, GError **error);

gboolean vk_collect_plan_is_empty(const VkCollectPlan *plan);

/* How many packs are going to be deleted, and compacted, and the bytes that come back by it. */
guint vk_collect_plan_count_whole(const VkCollectPlan *plan);
guint vk_collect_plan_count_compacted(const VkCollectPlan *plan);
guint64 vk_collect_plan_bytes(const VkCollectPlan *plan);

/* What the plan condemns. New. */
VkAnnouncement *vk_collect_plan_announcement(const VkCollectPlan *plan);

/* Takes off the plan what is marked by now, but was not when it was announced. */
void vk_collect_plan_keep(VkCollectPlan *plan, const VkSlotSet *marked);

/* What was done. */
typedef struct VkCollectPlanDone {
	guint whole;
	guint compacted;
	guint64 bytes; /* that came back */
} VkCollectPlanDone;

/*
 * Applies the plan (G6) in the name of COLLECTOR: whole packs first, because they need no room. A
 * pack that there is no room to compact stays as it is, and a warning says how many did.
 * Reads no faster than LIMIT (nullable) allows. DONE is right also on failure. Stops between two
 * packs on vk_interrupted().
 */
gboolean vk_collect_plan_apply(VkCollectPlan *plan, const char *collector, VkRateLimit *limit,
			       VkCollectPlanDone *done, GError **error);
