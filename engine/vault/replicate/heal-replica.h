/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Healing from another vault that has the same snapshots, in packs of its own. Threads: free. */
#pragma once

#include "healer.h"
#include "vault.h"

#include <glib.h>

/*
 * Looks in the snapshots of VAULT for the blocks that HEALER misses, and offers what the same
 * snapshots of OTHER have there, with any keys. IDS makes the ids of VAULT. What cannot be read is
 * passed over. Stops on vk_interrupted().
 */
gboolean vk_heal_from_replica(VkVault *vault, VkHealer *healer, VkHasher *ids, VkVault *other,
			      GError **error);
