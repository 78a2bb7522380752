/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of snapshots on arrays: a guest's copies that the settings no longer keep are removed.
 */
#pragma once

#include "array.h"
#include "settings.h"
#include "vault.h"

#include <glib.h>

/*
 * Removes from the arrays what the settings do not keep of the guest UUID: of the snapshots with
 * LABEL (nullable: nothing is removed) the newest N by NTAP_SNAPSHOT_RETENTIONS stay, and what is
 * younger than NTAP_SNAPSHOT_RETENTION_AGE days, and what is pinned. One that is in the vault, too, or on an array
 * where it was replicated to, stays listed and is read from there; another one goes altogether.
 * What several guests share stays until none of them needs it. To be called with the guest's lock
 * held.
 */
gboolean vk_expire_copies(VkVault *vault, VkArrays *arrays, const VkSettings *settings,
			  const char *uuid, const char *label, GError **error);
