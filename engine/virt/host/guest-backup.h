/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's backup job on a guest, from its beginning to its end, whether this process has begun it
 * or another. Threads: free.
 */
#pragma once

#include "guest.h"

#include <glib.h>

/*
 * libvirt's own directory of the guest: the one place where QEMU may make a socket under any
 * security driver. *RET is NULL when there is none, as for a user's own libvirt. New string.
 */
gboolean vk_backup_socket_directory(VkGuest *guest, char **ret, GError **error);

/*
 * Begins the job of XML, with the checkpoint of CHECKPOINT_XML (nullable) in the same transaction.
 * VK_ERROR_CHANGED when a bitmap that the job needs broke meanwhile. After a failure *RET_REFUSED
 * says that libvirt refused the job. If it is FALSE, the answer was lost with the connection, and
 * the job may run or begin even so.
 */
gboolean vk_backup_begin(VkGuest *guest, const char *xml, const char *checkpoint_xml,
			 gboolean *ret_refused, GError **error);

/*
 * The socket of the guest's backup job: *RET_SOCKET is NULL when no job runs, or the guest does
 * not run, or is gone; "" when the job has none.
 */
gboolean vk_backup_running(VkGuest *guest, char **ret_socket, GError **error);

/*
 * Whether any job is at work on the guest, which may be a backup job that is just beginning. While
 * QEMU does not answer, the call takes libvirt's 30 seconds.
 */
gboolean vk_backup_is_beginning(VkGuest *guest);

/* How long no job must have been seen, nor have been beginning, before it is believed. */
#define VK_BACKUP_SETTLE_USEC (1500 * G_TIME_SPAN_MILLISECOND)

/* How many bytes the job's scratch files have. FALSE when no job runs, or libvirt does not say. */
gboolean vk_backup_scratch_used(VkGuest *guest, guint64 *ret);

/*
 * Aborts the running backup job and waits for its end. *RET_ABORTED, if given, is FALSE when it
 * had ended by itself, or died with its guest.
 */
gboolean vk_backup_abort(VkGuest *guest, gboolean *ret_aborted, GError **error);

/* Whether QEMU has stopped the guest because a disk or a scratch file had no room. */
gboolean vk_backup_has_stopped_guest(VkGuest *guest);

/*
 * Resumes a guest that was stopped by a full disk. When the job has ended, QEMU repeats the write
 * without the scratch file. If the guest's own disk has no room, the guest just stops again.
 */
gboolean vk_backup_resume_guest(VkGuest *guest, GError **error);
