/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removes the copies on arrays that the settings no longer keep.
 */
#pragma once

#include "array.h"
#include "settings.h"
#include "vault.h"

#include <glib.h>

/*
 * Removes the copies of the guest UUID that the settings do not keep. Of the snapshots with LABEL
 * (nullable: nothing is removed) the newest N by NTAP_SNAPSHOT_RETENTIONS stay, and those younger
 * than NTAP_SNAPSHOT_RETENTION_AGE days, and pinned ones. A snapshot that is also in the vault or
 * replicated to another array stays listed and is read from there. Any other one disappears. An
 * array snapshot that several guests share stays until none of them needs it. To be called with the
 * guest's lock held.
 */
gboolean vk_expire_copies(VkVault *vault, VkArrays *arrays, const VkSettings *settings,
			  const char *uuid, const char *label, GError **error);
