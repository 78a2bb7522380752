/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying the disks of a snapshot from arrays into the vault.
 */
#pragma once

#include "array.h"
#include "progress.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * Reads the disks of SNAPSHOT, which is listed, from their copies on arrays into the vault, by
 * WORKERS (0: one for each core); the records get the new copies. The guests are not involved.
 * Nothing is done when it is in the vault already. VK_ERROR_NOT_FOUND when an array no longer has
 * its copy.
 */
gboolean vk_vault_copy(VkVault *vault, VkArrays *arrays, VkSnapshot *snapshot, guint workers,
		       VkProgress *progress, GError **error);
