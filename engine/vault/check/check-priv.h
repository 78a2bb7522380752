/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a check. For this folder only. Threads: one at a time. */
#pragma once

#include "vault-check.h"

#include "health.h"
#include "reach.h"
#include "snapshot.h"

typedef struct VkCheck {
	VkVault *vault;
	const VkCheckOptions *options;
	VkCheckResult *result;
	VkHealth *health;
	VkReach *reach;      /* what the snapshots refer to, ... */
	VkSlotSet *bad;      /* ... and what of it cannot be read */
	VkSlotSet *told;     /* packs whose first trouble was reported: any slot of each */
	guint listed[2];     /* errors in the result: of objects, and of snapshots */
	gint64 begun_usec;   /* since 1970 */
	gboolean is_walked;  /* all of the vault's maps were read to their ends */
	gboolean is_damaged; /* some image was found damaged in its map */
} VkCheck;

/* A place in the vault: as in VkCheckError, borrowed. */
typedef struct VkCheckPlace {
	const char *snapshot, *image, *object;
	guint64 offset, length;
	const VkSlots *slots; /* nullable */
} VkCheckPlace;

VkCheckResult *vk_check_result_new(void);

/* Adds an error to the result, or counts it when there are many. */
void vk_check_report(VkCheck *check, const VkCheckPlace *place, const char *what);

/* Puts the health into the vault, if that can be written. */
void vk_check_save(VkCheck *check);

/* Calls VISIT for each image of the snapshot that is in the vault. */
typedef void (*VkCheckVisit)(VkCheck *check, const VkCheckPlace *place,
			     const VkImageRecord *record);
void vk_check_visit_images(VkCheck *check, const VkSnapshot *snapshot, VkCheckVisit visit);

/*
 * The packs that are to be read, those first that have waited for the longest: VkPackId. Fails if
 * the packs cannot be listed.
 */
GArray *vk_check_choose(VkCheck *check, GError **error);

/* Reads PACKS by several threads, and notes in the health what was read and what is bad. */
void vk_check_read_packs(VkCheck *check, const GArray *packs);

/* Reports for each image of the snapshots KEYS which bytes cannot be read. */
void vk_check_name_ranges(VkCheck *check, const GPtrArray *keys);
