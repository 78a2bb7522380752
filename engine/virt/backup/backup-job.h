/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBackupJob: libvirt's backup job in pull mode on a running guest. Its beginning is the point in
 * time of all its disks. Then each disk is read over NBD from a private unix socket. The end of the
 * job removes its scratch files. Threads: one at a time, except for the sources.
 */
#pragma once

#include "backup-xml.h"
#include "guard.h"
#include "host.h"
#include "source.h"

#include <glib.h>

typedef struct VkBackupJob VkBackupJob;

typedef struct VkBackupJobPaths {
	const char *scratch_dir; /* made if missing; QEMU must be able to write there */
	const char *run_dir;     /* for the socket where libvirt has no directory of the guest */
} VkBackupJobPaths;

/*
 * Ends a job of virtkeep whose process was killed, and removes its files, even if the guest is off
 * by now. VK_ERROR_BUSY when a foreign job runs. The caller holds the guest's lock, and has not
 * quiesced the guest yet.
 */
gboolean vk_backup_job_recover(VkGuest *guest, const VkBackupJobPaths *paths, GError **error);

/* For doctor: whose backup job runs on the guest. */
typedef enum {
	VK_JOB_NONE,
	VK_JOB_OURS,
	VK_JOB_FOREIGN,
} VkJobOwner;

gboolean vk_backup_job_find(VkGuest *guest, VkJobOwner *ret, GError **error);

/* The scratch files and sockets of jobs on the guest. Returns char*, owned by the array. */
GPtrArray *vk_backup_job_files(VkGuest *guest, const VkBackupJobPaths *paths);

/*
 * The uuid of the guest for whose backup the file NAME of a scratch directory was made. NULL when
 * it is no scratch file. New string.
 */
char *vk_backup_scratch_owner(const char *name);

typedef struct VkBackupJobPlan {
	const GArray *disks;    /* VkBackupJobDisk */
	const char *base;       /* checkpoint to read the changes of; NULL when no disk is */
	const char *checkpoint; /* to be made at the point in time; NULL: none */
	VkGuard *guard;         /* nullable */
} VkBackupJobPlan;

/*
 * Begins the job of PLAN. vk_backup_job_prepare() does everything slow, so the guest is held only
 * for vk_backup_job_begin(). That also makes the new checkpoint, in the same transaction. If it
 * fails, the job still has to be ended, and the new checkpoint may exist. The end may take long:
 * resume the guest first.
 */
VkBackupJob *vk_backup_job_prepare(VkGuest *guest, const VkBackupJobPlan *plan,
				   const VkBackupJobPaths *paths, GError **error);
gboolean vk_backup_job_begin(VkBackupJob *job, GError **error);

/* After a failure to begin: whether libvirt refused the job. */
gboolean vk_backup_job_was_refused(const VkBackupJob *job);

/* What redefines the checkpoint that the job has made; NULL if it made none. New string. */
char *vk_backup_job_checkpoint_xml(VkBackupJob *job, GError **error);

/*
 * A source of one disk, which the job must outlive. It knows its changes when the disk is
 * incremental and the server offers them. Else everything has to be read. VK_ERROR_CHANGED when the
 * guest is gone.
 */
VkSource *vk_backup_job_source(VkBackupJob *job, const char *target, GError **error);

/*
 * Ends the job, reconnecting to libvirt if need be. FALSE with VK_ERROR_CHANGED when the job or
 * the guest had ended before: what was read is then worthless. VK_ERROR_FAILED when the job was
 * given up because the scratch directory was nearly full. The guest goes on.
 */
gboolean vk_backup_job_end(VkBackupJob *job, GError **error);

/* After the end: how many bytes its scratch files had, as far as libvirt has said. */
guint64 vk_backup_job_scratch(const VkBackupJob *job);

/* Ends the job if it has not ended yet. Takes NULL. */
void vk_backup_job_free(VkBackupJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkBackupJob, vk_backup_job_free)
