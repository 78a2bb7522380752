/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkAttempt: what one try to snapshot a guest gathers on its way, and the tools for its steps. Only
 * the backup itself and its dry run know it. Threads: one.
 */
#pragma once

#include "array.h"
#include "backup-try.h"
#include "backupjob.h"
#include "backupplan.h"
#include "checkpoint.h"
#include "guestlock.h"
#include "guestoptions.h"
#include "hooks.h"
#include "offline-watch.h"
#include "session.h"

typedef struct VkAttempt {
	const VkBackupContext *context;
	VkBackupTry *try;
	VkGuest *guest; /* borrowed */
	VkGuestLock *lock;
	VkGuestOptions *how;
	VkTake *take;          /* borrowed; NULL: no array takes the snapshot */
	VkTake *own_take;      /* the same, unless the guests of a run share it */
	VkOfflineWatch *watch; /* of a guest that is off and in a take */
	gint64 began;          /* monotonic, microseconds, as: */
	gint64 deadline;       /* until the guest has to go on again */
	gboolean is_grouped;
	VkGate *gate; /* that it is through; NULL: none */
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

/* Gathers the facts about the guest, and plans which disks are saved, how and why. */
gboolean vk_attempt_plan(VkAttempt *attempt, GError **error);

/* The point in time and the reading of a running guest, and of one that is off. */
gboolean vk_attempt_take_live(VkAttempt *attempt, GError **error);
gboolean vk_attempt_take_offline(VkAttempt *attempt, GError **error);

/*
 * Both by the storage, when the guest's mode is not VK_MODE_VAULT. Before that, the guest joins the
 * take with its disks.
 */
gboolean vk_attempt_join_take(VkAttempt *attempt, GError **error);
gboolean vk_attempt_take_array(VkAttempt *attempt, GError **error);
gboolean vk_attempt_is_array(const VkAttempt *attempt);

/*
 * Holds the running guest while POINT takes the point in time, and grades the snapshot. The guest
 * goes on however that ends.
 */
typedef gboolean (*VkAttemptPoint)(VkAttempt *attempt, VkQuiesce *quiesce, gpointer data,
				   GError **error);
gboolean vk_attempt_hold(VkAttempt *attempt, VkAttemptPoint point, gpointer data, GError **error);

/* Of the images of the plan's disks, of a guest that is off. */
VkOfflineWatch *vk_attempt_watch(const VkAttempt *attempt, GError **error);

/* Grades the snapshot of a guest that is off. */
void vk_attempt_grade_offline(VkAttempt *attempt);

/* A running guest without a disk to save: its definition and firmware. */
gboolean vk_attempt_take_diskless(VkAttempt *attempt, GError **error);

/* The inode of an image that is a local file; else 0. */
guint64 vk_attempt_inode(const VkDomainImage *image);

/* A record of what is known of the disk before it is saved. */
VkDiskRecord *vk_attempt_new_disk_record(const VkAttempt *attempt, const VkDomainDisk *disk);

/* Saves SOURCE, which may be NULL with ERROR set already. */
gboolean vk_attempt_save_disk(VkAttempt *attempt, VkPlanDisk *planned, VkSource *source,
			      GError **error);

/* Warns of the disks that are encrypted on the host, for in the vault they are not. */
void vk_attempt_warn_decrypted(const VkAttempt *attempt);

/* Firmware is copied at the point in time and saved behind the disks. */
gboolean vk_attempt_capture_firmware(VkAttempt *attempt, GError **error);
gboolean vk_attempt_save_firmware(VkAttempt *attempt, GError **error);

/* Sets the snapshot's time: that of its group, or now. */
void vk_attempt_set_instant(VkAttempt *attempt);

/* Runs the hooks of PHASE. TROUBLE is told to them; nullable. */
gboolean vk_attempt_run_hooks(VkAttempt *attempt, VkHookPhase phase, const GError *trouble,
			      GError **error);

/* Comes to a stage of the group, if there is one. FALSE when the attempt's deadline has passed. */
gboolean vk_attempt_meet(VkAttempt *attempt, VkGroupStage stage, GError **error);

/* Leaves the group, so that the others do not wait. May be called twice. */
void vk_attempt_leave_group(VkAttempt *attempt);

/* Through the gate and back. May be called twice. */
void vk_attempt_enter_gate(VkAttempt *attempt);
void vk_attempt_leave_gate(VkAttempt *attempt);
