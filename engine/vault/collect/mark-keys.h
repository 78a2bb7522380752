/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many snapshots of a vault into a VkMark of it, by all processors. Threads: as VkMark. */
#pragma once

#include "catalog.h"
#include "mark.h"
#include "vault.h"

#include <glib.h>

/*
 * Marks the snapshots of KEYS, VkSnapshotKey*, of which those of a guest follow each other, with
 * their copies. Passes over one that was removed meanwhile. If it cannot be known what a snapshot
 * refers to, ERROR names that, and what is to be done. On failure some are marked.
 */
gboolean vk_mark_add_keys(VkMark *mark, VkVault *vault, const GPtrArray *keys, GError **error);
