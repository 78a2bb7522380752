/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCohort: guests that are held together, so that they have one instant. The guests of a group
 * that the user asked for are a cohort. So are guests with disks on one volume of an array, which
 * snapshots a volume as a whole. Threads: one at a time.
 */
#pragma once

#include "array.h"
#include "backup-options.h"
#include "group.h"
#include "host.h"
#include "snapshot-set.h"
#include "vault.h"

#include <glib.h>

typedef struct VkCohort {
	VkGroup *group;
	VkSnapshotSet *set;
} VkCohort;

VkCohort *vk_cohort_new(VkArrays *arrays, VkVault *vault, const char *label, guint members);
void vk_cohort_free(VkCohort *cohort);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCohort, vk_cohort_free)

/*
 * Puts the guests UUIDS (char*) together that share volumes. Returns a number for each: guests with
 * the same number belong together, a guest with 0 is alone. Guests that cannot be examined stay
 * alone: their backup says why.
 */
GArray *vk_cohorts_find(VkArrays *arrays, VkHost *host, const VkBackupOptions *options,
			const GPtrArray *uuids);

/* The same of the VOLUMES of each guest (GPtrArray of char*; NULL: none). Pure. */
GArray *vk_cohorts_of_volumes(const GPtrArray *volumes);
