/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPlan: the packs that a collector is going to delete or to compact. It is made of a listing of
 * the packs and of what is marked: a pack without a marked slot is deleted, one of which more than
 * half is dead is compacted. Threads: one at a time.
 */
#pragma once

#include "announcement.h"
#include "mark.h"
#include "rate-limit.h"
#include "vault.h"

#include <glib.h>

typedef struct VkPlan VkPlan;

/* The packs that there are now (G1), in no order. They are judged later. VAULT is borrowed. */
VkPlan *vk_plan_new(VkVault *vault, GError **error);
void vk_plan_free(VkPlan *plan); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPlan, vk_plan_free)

/*
 * Keeps the packs that are worth while by what is marked. Reads the tables of packs that have both
 * marked and dead slots. A pack whose table cannot be read is left alone. Stops on
 * vk_interrupted().
 */
gboolean vk_plan_choose(VkPlan *plan, const VkSlotSet *marked, GError **error);

gboolean vk_plan_is_empty(const VkPlan *plan);

/* How many packs are going to be deleted, and compacted, and the bytes that come back by it. */
guint vk_plan_count_whole(const VkPlan *plan);
guint vk_plan_count_compacted(const VkPlan *plan);
guint64 vk_plan_bytes(const VkPlan *plan);

/* What the plan condemns. New. */
VkAnnouncement *vk_plan_announcement(const VkPlan *plan);

/* Takes off the plan what is marked by now, but was not when it was announced. */
void vk_plan_keep(VkPlan *plan, const VkSlotSet *marked);

/* What was carried out. */
typedef struct VkPlanDone {
	guint whole;
	guint compacted;
	guint64 bytes; /* that came back */
} VkPlanDone;

/*
 * Carries the plan out (G6) in the name of COLLECTOR: whole packs first, because they need no room.
 * Reads no faster than LIMIT (nullable) allows. DONE is right also on failure. Stops between two
 * packs on vk_interrupted().
 */
gboolean vk_plan_carry_out(VkPlan *plan, const char *collector, VkRateLimit *limit,
			   VkPlanDone *done, GError **error);
