/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One snapshot of one guest, as a state machine. Part of the backup job; see backup.h. */
#pragma once

#include "backup.h"
#include "host.h"
#include "session.h"

#include <glib.h>

typedef struct VkBackupContext {
	VkHost *host;
	VkVault *vault;
	VkSession *session;
	const VkBackupOptions *options;
} VkBackupContext;

/*
 * lock -> facts -> plan -> recover -> prepare -> quiesce -> point in time -> resume -> read -> end
 * of the job -> commit. However it ends, the guest is as it was and no job of ours runs; when the
 * guest could not be thawed or resumed, *RET_HELD says so (set at most once, and logged), even if
 * the snapshot succeeds. VK_ERROR_CHANGED when the guest was started or stopped meanwhile.
 */
VkSnapshot *vk_backup_guest(const VkBackupContext *context, VkGuest *guest, GError **ret_held,
			    GError **error);
