/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the driving and the recovery of backup jobs share. Not to be included from other folders.
 */
#pragma once

#include "backupjob.h"
#include "host.h"

#include <glib.h>

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
