/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a snapshot that arrays alone have. Its copies there are not the vault's to free, so
 * they need not wait for the collector: once the snapshot has expired nobody can list it again, and
 * they may be removed. The collector removes the snapshot itself. Threads: free.
 */
#pragma once

#include "catalog.h"

#include <glib.h>

/*
 * Forgets the snapshot KEY for good. *RET_DONE says whether its copies on arrays may go; FALSE when
 * somebody reads it, has pinned it, or lists it again at this moment: then it stays listed.
 * SNAPSHOT, its object, gets the copies that the vault has by now: with all of them it stays
 * listed, and *RET_DONE is FALSE. VK_ERROR_NOT_FOUND.
 */
gboolean vk_catalog_expire(VkVault *vault, const VkSnapshotKey *key, VkSnapshot *snapshot,
			   gboolean *ret_done, GError **error);

/* Whether somebody reads the snapshot at this moment. */
gboolean vk_catalog_is_read(VkVault *vault, const VkSnapshotKey *key, gboolean *ret,
			    GError **error);
