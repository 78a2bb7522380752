/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the driving and the recovery of backup jobs share. Not to be included from other folders.
 */
#pragma once

#include "backupjob.h"
#include "domain.h"
#include "host.h"

#include <glib.h>

#define VK_BACKUP_SOCKET_PREFIX "virtkeep-"

/*
 * The socket of the guest's backup job: *RET_SOCKET is NULL when no job runs, or the guest does
 * not run, or is gone; "" when the job has none.
 */
gboolean vk_backup_running(VkGuest *guest, char **ret_socket, GError **error);

/*
 * Whether a job of some sort is at work on the guest: it may be one that is just beginning. As long
 * as QEMU does not answer, it takes libvirt's 30 seconds to tell.
 */
gboolean vk_backup_is_beginning(VkGuest *guest);

/*
 * Aborts the running backup job and waits for its end. *RET_ABORTED, if given, is FALSE when it
 * had ended by itself, or died with its guest.
 */
gboolean vk_backup_abort(VkGuest *guest, gboolean *ret_aborted, GError **error);

/* Whether the guest was stopped because a disk, or a scratch file of it, had no room. */
gboolean vk_backup_has_stopped_guest(VkGuest *guest);

/*
 * Lets a guest so stopped go on: without the job its write is repeated without the scratch file,
 * and if its own disk has no room, it just stops again.
 */
gboolean vk_backup_resume_guest(VkGuest *guest, GError **error);

/* What the XML of a job is made of. */
typedef struct VkBackupXml {
	const VkBackupJobPlan *plan;
	const char *uuid, *socket, *scratch_dir;
	const char *bitmap; /* the name under which changes are offered */
	GPtrArray *scratch; /* char*: gets the paths of the scratch files */
} VkBackupXml;

/*
 * The job of a plan on DOMAIN, as it is now, and its checkpoint. Disks that are not named
 * explicitly could be taken or not, so all of them are named. New strings.
 */
char *vk_backup_build_xml(const VkDomain *domain, const VkBackupXml *how, GError **error);
char *vk_backup_build_checkpoint_xml(const VkDomain *domain, const VkBackupJobPlan *plan,
				     GError **error);

/* How the names of the guest's sockets in run_dir begin. New string. */
char *vk_backup_run_prefix(VkGuest *guest);
