/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBackupPlan: what a snapshot of a guest will hold, disk by disk, and why. A pure function of the
 * guest's definition, its last snapshot, and what its images can track. Threads: one at a time.
 */
#pragma once

#include "backup-job.h"
#include "checkpoint.h"
#include "domain.h"
#include "snapshot.h"

#include <glib.h>

typedef struct VkBackupPlanDisk {
	const VkDomainDisk *disk;
	const VkDiskRecord *earlier; /* in the last snapshot; NULL: save in full */
	gboolean track;              /* begin a bitmap at the point in time */
	gboolean incremental;        /* read only what changed since the last snapshot */
	char *cause;                 /* why not incremental though there is an earlier one */
} VkBackupPlanDisk;

typedef struct VkBackupPlan {
	const VkSnapshot *last; /* NULL: the first snapshot of the guest */
	GPtrArray *disks;       /* VkBackupPlanDisk, in the order of the definition */
	GPtrArray *skipped;     /* VkSkipRecord */
} VkBackupPlan;

/*
 * Says nothing of tracking yet. EXCLUDE: targets that are not to be saved; nullable. DOMAIN and
 * LAST (nullable) are borrowed until the free.
 */
VkBackupPlan *vk_backup_plan_new(const VkDomain *domain, const VkSnapshot *last,
				 char *const *exclude);
void vk_backup_plan_free(VkBackupPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkBackupPlan, vk_backup_plan_free)

/* The targets of the disks to save. Returns char*, owned by the array. */
GPtrArray *vk_backup_plan_targets(const VkBackupPlan *plan);

/* Takes in what the disks allow: TRACKING has a VkTracking* for each, in order. */
void vk_backup_plan_set_tracking(VkBackupPlan *plan, const GPtrArray *tracking);

/* All disks are read in whole and none is tracked, for CAUSE. */
void vk_backup_plan_set_no_tracking(VkBackupPlan *plan, const char *cause);

/* Disks that could be read by their bitmaps are read in whole, for CAUSE; they stay tracked. */
void vk_backup_plan_set_compare(VkBackupPlan *plan, const char *cause);

/*
 * The image of the disk, SOURCE in words, is the file INODE (0: not known): one whose name another
 * file had at the last snapshot is read in whole. Two disks of a guest have bitmaps of one name, so
 * a bitmap alone does not show that their images have changed places.
 */
void vk_backup_plan_set_file(VkBackupPlanDisk *disk, const char *source, guint64 inode);

/*
 * The image was restored from the snapshot TIME after the last snapshot: that is why a disk which
 * could be tracked is read in whole.
 */
void vk_backup_plan_set_restored(VkBackupPlanDisk *disk, const char *time);

/* The disk has SIZE bytes now: one that was resized is read in whole. */
void vk_backup_plan_set_size(VkBackupPlanDisk *disk, guint64 size);

gboolean vk_backup_plan_has_tracked(const VkBackupPlan *plan);
gboolean vk_backup_plan_has_incremental(const VkBackupPlan *plan);

/* Whether a disk is going to be read in whole. */
gboolean vk_backup_plan_has_whole(const VkBackupPlan *plan);

/* The disks to save, as a backup job takes them. Returns VkBackupJobDisk. */
GArray *vk_backup_plan_job_disks(const VkBackupPlan *plan);

/* "full", "compare" or "incremental". Static. */
const char *vk_backup_plan_mode(const VkBackupPlanDisk *disk);

/* Why that mode, in words. New string. */
char *vk_backup_plan_reason(const VkBackupPlan *plan, const VkBackupPlanDisk *disk);
