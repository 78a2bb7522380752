/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rebuilding what is made from other objects of a vault: the hints, and what this host remembers of
 * the catalogue. Packs and snapshots do not change. Threads: one caller at a time.
 */
#pragma once

#include "vault-rebuild.h"
#include "vault.h"

#include <glib.h>

typedef struct VkRebuildResult {
	VkHintsRebuilt hints;
	guint snapshots; /* that can be read, forgotten ones as well */
	guint damaged;   /* snapshots whose object cannot be read */
} VkRebuildResult;

/*
 * VAULT is open for writing, but for a DRY_RUN, which only reads what it would be made from. Fails
 * if the storage does, and on vk_interrupted().
 */
gboolean vk_rebuild(VkVault *vault, gboolean dry_run, VkRebuildResult *result, GError **error);
