/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backup job that runs on a guest, whoever has begun it, and its end. Threads: free.
 */
#pragma once

#include "guest.h"

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
 * Lets a guest go on that was stopped by that. Without the job QEMU repeats the write without the
 * scratch file. If the guest's own disk has no room, the guest just stops again.
 */
gboolean vk_backup_resume_guest(VkGuest *guest, GError **error);
