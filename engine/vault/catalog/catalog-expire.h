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
 * Forgets a snapshot for good. *RET_DONE says whether its copies on arrays may go; FALSE when
 * somebody reads it, has pinned it, or lists it again at this moment. VK_ERROR_NOT_FOUND.
 */
gboolean vk_catalog_expire(VkVault *vault, const VkSnapshotKey *key, gboolean *ret_done,
			   GError **error);

/* Lists an expired snapshot again, because the vault has a copy of it. VK_ERROR_NOT_FOUND. */
gboolean vk_catalog_unexpire(VkVault *vault, const VkSnapshotKey *key, GError **error);
