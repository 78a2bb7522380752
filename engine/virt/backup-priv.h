/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the driving and the recovery of backup jobs share. Not to be included from other folders.
 */
#pragma once

#include "backupjob.h"
#include "host.h"

#include <glib.h>

#define VK_BACKUP_SOCKET_PREFIX "virtkeep-"

/*
 * The socket of the guest's backup job: *RET_SOCKET is NULL when no job runs, or the guest does
 * not run, or is gone; "" when the job has none.
 */
gboolean vk_backup_running(VkGuest *guest, char **ret_socket, GError **error);

/* Aborts the running backup job and waits for its end. Fine when it ends by itself. */
gboolean vk_backup_abort(VkGuest *guest, GError **error);

/* Where a socket goes in run_dir, and which names there belong to the guest. New strings. */
char *vk_backup_run_prefix(VkGuest *guest);
