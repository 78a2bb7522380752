/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One snapshot of one guest, as a state machine. Part of the backup job; see backup.h. */
#pragma once

#include "backup-try.h"
#include "snapshot.h"

#include <glib.h>

/*
 * lock -> facts -> recover -> plan -> prepare -> quiesce -> point in time -> resume -> read -> end
 * of the job -> commit -> drop the old checkpoint. However it ends, the guest is as it was and no
 * job of virtkeep runs. VK_ERROR_CHANGED when the guest was started, stopped or resized meanwhile.
 */
VkSnapshot *vk_backup_guest(const VkBackupContext *context, VkBackupTry *try, GError **error);
