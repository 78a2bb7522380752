/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replication of the snapshots that arrays took. Threads: one at a time. */
#pragma once

#include "array.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/* Has the array snapshots of SNAPSHOT transferred, each once; see vk_arrays_replicate(). */
gboolean vk_replicate(VkArrays *arrays, const VkSnapshot *snapshot, guint wait_sec, GError **error);

/*
 * How the volumes with the newest array snapshots of guests are replicated: of all guests of VAULT,
 * or of NAMES (nullable). Returns VkReplication*, each volume and destination once;
 * VK_ERROR_NOT_FOUND for a name that the vault does not know.
 */
GPtrArray *vk_replication_list(VkVault *vault, VkArrays *arrays, char *const *names,
			       GError **error);
