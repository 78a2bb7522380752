/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBackupPlan: what a snapshot of a guest will hold, disk by disk, and why. A pure function of the
 * guest's definition and its last snapshot. Immutable. Threads: free.
 */
#pragma once

#include "backupjob.h"
#include "domain.h"
#include "snapshot.h"

#include <glib.h>

typedef struct VkPlanDisk {
	const VkDomainDisk *disk;
	const VkDiskRecord *earlier; /* in the last snapshot; NULL: save in full */
} VkPlanDisk;

typedef struct VkBackupPlan {
	const VkSnapshot *last; /* NULL: the first snapshot of the guest */
	GPtrArray *disks;       /* VkPlanDisk, in the order of the definition */
	GPtrArray *skipped;     /* VkSkipRecord */
} VkBackupPlan;

/* DOMAIN and LAST (nullable) are borrowed until the free. */
VkBackupPlan *vk_backup_plan_new(const VkDomain *domain, const VkSnapshot *last);
void vk_backup_plan_free(VkBackupPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkBackupPlan, vk_backup_plan_free)

/* The disks to save, as a backup job takes them. Returns VkBackupJobDisk. */
GArray *vk_backup_plan_job_disks(const VkBackupPlan *plan);

/* "full" or "compare". Static. */
const char *vk_backup_plan_mode(const VkPlanDisk *disk);

/* Why that mode, in words; SIZE is what the disk has now, in bytes. New string. */
char *vk_backup_plan_reason(const VkBackupPlan *plan, const VkPlanDisk *disk, guint64 size);
