/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkAttempt: what one try to snapshot a guest gathers on its way, and the tools for its steps. Only
 * the backup itself and its dry run know it. Threads: one.
 */
#pragma once

#include "array.h"
#include "backup-options.h"
#include "backup-plan.h"
#include "backup-try.h"
#include "backup-job.h"
#include "checkpoint.h"
#include "guest-lock.h"
#include "hooks.h"
#include "offline-watch.h"
#include "session.h"
#include "snapshot-set.h"

typedef struct VkAttempt {
	const VkBackupContext *context;
	VkBackupTry *try;
	VkGuest *guest; /* borrowed */
	VkGuestLock *lock;
	VkGuestOptions *guest_options;
	VkSnapshotSet *set;     /* borrowed; NULL: no array takes the snapshot */
	VkSnapshotSet *own_set; /* the same, unless the guests of a run share it */
	VkOfflineWatch *watch;  /* of a guest that is off and in a set */
	gint64 began;           /* monotonic, microseconds, as: */
	gint64 deadline;        /* until the guest has to go on again */
	gboolean is_grouped;
	VkSemaphore *semaphore; /* that it has entered; NULL: none */
	VkGuestFacts *facts;
	VkDomain *domain;
	VkSnapshot *last;
	VkBackupPlan *plan;
	GPtrArray *firmware; /* VkFirmwareFile */
	VkSession *session;
	VkSnapshot *snapshot;
} VkAttempt;

void vk_attempt_clear(VkAttempt *attempt);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkAttempt, vk_attempt_clear)

/* ---- the tools of each step: attempt.c ---- */

/* Whether the storage takes the snapshot: the guest's mode is not VK_MODE_VAULT. */
gboolean vk_attempt_is_array(const VkAttempt *attempt);

/* Enters the semaphore that is for the guest, and leaves it. May be called twice. */
void vk_attempt_enter_semaphore(VkAttempt *attempt);
void vk_attempt_leave_semaphore(VkAttempt *attempt);

/*
 * Leaves the semaphore to the others of the group, which the guest waits for. A guest alone stays.
 */
void vk_attempt_give_way(VkAttempt *attempt);

/* Comes to a stage of the group, if there is one. FALSE when the attempt's deadline has passed. */
gboolean vk_attempt_meet(VkAttempt *attempt, VkGroupStage stage, GError **error);

/* Leaves the group, so that the others do not wait. May be called twice. */
void vk_attempt_leave_group(VkAttempt *attempt);

/* Sets the snapshot's time: that of its group, or now. */
void vk_attempt_set_instant(VkAttempt *attempt);

/* Runs the hooks of PHASE. TROUBLE (nullable) is the failure that they learn of. */
gboolean vk_attempt_run_hooks(VkAttempt *attempt, VkHookPhase phase, const GError *trouble,
			      GError **error);

/* The inode of an image that is a local file; else 0. */
guint64 vk_attempt_inode(const VkDomainImage *image);

/* ---- before: attempt-plan.c ---- */

/* Gathers the facts about the guest, and plans which disks are saved, how and why. */
gboolean vk_attempt_plan(VkAttempt *attempt, GError **error);

/* ---- the point in time: attempt-instant.c ---- */

/*
 * What one sort of backup does around its guest's point in time, in this order. Each is nullable
 * but ACT.
 */
typedef struct VkAttemptSteps {
	/* What is slow. No guest is held yet. */
	gboolean (*prepare)(VkAttempt *attempt, GError **error);
	/* The running guest is held now, until LIMIT (monotonic, microseconds) at the most. */
	void (*bound)(VkAttempt *attempt, gint64 limit);
	/*
	 * The point in time: all guests of the group are held. Calls vk_quiesce_point_taken();
	 * QUIESCE is NULL for a guest that is off.
	 */
	gboolean (*act)(VkAttempt *attempt, VkQuiesce *quiesce, gpointer data, GError **error);
	/* The guest goes on: whether its point in time is a good one. */
	gboolean (*check)(VkAttempt *attempt, GError **error);
	/* What is slow, after the hooks and outside of the semaphore. */
	gboolean (*settle)(VkAttempt *attempt, GError **error);
} VkAttemptSteps;

/*
 * Takes the guest's point in time by STEPS, between its hooks, together with its group, and grades
 * the snapshot of a running guest. DATA is for the act. The guest goes on however that ends.
 */
gboolean vk_attempt_take_instant(VkAttempt *attempt, const VkAttemptSteps *steps, gpointer data,
				 GError **error);

/* Takes part in the group's instant without an act: by staying off, or without a disk to save. */
gboolean vk_attempt_pass_instant(VkAttempt *attempt, GError **error);

/* ---- the reading: attempt-save.c ---- */

/* A record of what is known of the disk before it is saved. */
VkDiskRecord *vk_attempt_new_disk_record(const VkAttempt *attempt, const VkDomainDisk *disk);

/* Saves SOURCE, which may be NULL with ERROR set already. */
gboolean vk_attempt_save_disk(VkAttempt *attempt, VkBackupPlanDisk *planned, VkSource *source,
			      GError **error);

/* Firmware is copied at the point in time and saved behind the disks. */
gboolean vk_attempt_capture_firmware(VkAttempt *attempt, GError **error);
gboolean vk_attempt_save_firmware(VkAttempt *attempt, GError **error);

/* Warns about disks that are encrypted on the host, because the vault has them decrypted. */
void vk_attempt_warn_decrypted(const VkAttempt *attempt);

/* ---- the sorts of backup, from point in time to reading: attempt-live.c ... ---- */

/* A running guest, by a backup job of QEMU's. */
gboolean vk_attempt_take_live(VkAttempt *attempt, GError **error);

/* A guest that is off. */
gboolean vk_attempt_take_offline(VkAttempt *attempt, GError **error);

/* A running guest without a disk to save: its definition and firmware. */
gboolean vk_attempt_take_diskless(VkAttempt *attempt, GError **error);

/* A guest, running or off, by the storage. The guest first joins the set with its disks. */
gboolean vk_attempt_join_set(VkAttempt *attempt, GError **error);
gboolean vk_attempt_take_array(VkAttempt *attempt, GError **error);

/* Of the images of the plan's disks, of a guest that is off. */
VkOfflineWatch *vk_attempt_watch(const VkAttempt *attempt, GError **error);

/* Grades the snapshot of a guest that is off. */
void vk_attempt_grade_offline(VkAttempt *attempt);
