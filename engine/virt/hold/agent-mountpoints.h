/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a running guest has its file systems mounted, as its agent says. Threads: free. */
#pragma once

#include "host.h"

#include <glib.h>

/*
 * Asks whether the guest has file systems at MOUNTPOINTS (NULL or empty: the caller wants none).
 * The agent itself silently skips a file system that is not there. *RET_MISSING names the missing
 * ones in words; NULL when all are there, or the agent does not say. FALSE when none is there, or
 * with ALL when one is missing. *RET_MISSING is a new string, even after a failure.
 */
gboolean vk_mountpoints_check(VkGuest *guest, char *const *mountpoints, gboolean all,
			      char **ret_missing, GError **error);

/*
 * The same for a configuration: which of MOUNTPOINTS the guest has not, in words; NULL when all are
 * there, or no agent answers within TIMEOUT_SEC. New string.
 */
char *vk_mountpoints_missing(VkGuest *guest, char *const *mountpoints, guint timeout_sec);
