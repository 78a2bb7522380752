/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads snapshots, each with all that it has in the vault, while the caller is at work with the
 * ones before: to read and parse them takes as long as to mark what they use. At most a few dozen
 * wait. Threads: one caller at a time; a thread of its own loads.
 */
#pragma once

#include "catalog.h"
#include "vault.h"

#include <glib.h>

/*
 * Loads one. *RET is NULL when it was just removed. Copies that cannot be read fail a snapshot that
 * has nothing but copies.
 */
gboolean vk_load_whole(VkVault *vault, const VkSnapshotKey *key, VkSnapshot **ret, GError **error);

typedef struct VkLoadAhead VkLoadAhead;

/* Begins with the first of KEYS, VkSnapshotKey*. VAULT and KEYS are borrowed until it is freed. */
VkLoadAhead *vk_load_ahead_new(VkVault *vault, const GPtrArray *keys);

/* What vk_load_whole() says of the next of the keys, for each of them once. *RET is borrowed until
 * the next call. */
gboolean vk_load_ahead_next(VkLoadAhead *ahead, const VkSnapshot **ret, GError **error);

/* Waits for what is being loaded, and drops what nobody took. */
void vk_load_ahead_free(VkLoadAhead *ahead);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkLoadAhead, vk_load_ahead_free)
