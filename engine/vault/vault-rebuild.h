/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making anew what is kept beside the packs and the snapshot objects of a vault, and can be lost or
 * wrong without harm. Threads: one at a time.
 */
#pragma once

#include "hints.h"
#include "vault.h"

#include <glib.h>

/*
 * As vk_hints_rebuild(), or _dry(). VK_ERROR_DENIED when the key in use has no block ids. VAULT is
 * open for writing, but for a DRY_RUN.
 */
gboolean vk_vault_rebuild_hints(VkVault *vault, gboolean dry_run, VkHintsRebuilt *ret,
				GError **error);

/* Forgets what this host remembers of the catalogue's objects, if it does. */
void vk_vault_clear_cache(VkVault *vault);
