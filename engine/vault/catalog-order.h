/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In which order the snapshots of a guest were committed. It is that of their TIMEs as long as no
 * clock is set back. When a snapshot is committed while others of its guest are dated later, that is
 * noted for each of them, as an object beside it without content to speak of:
 *
 *   snaps/<guest uuid>/<TIME>-<snap id>.before-<TIME of the one committed later>
 *
 * For the catalogue only. Threads: free.
 */
#pragma once

#include "catalog.h"

#include <glib.h>

/* Removes all notes on KEY, which is of a list. Fine when there are none. */
gboolean vk_catalog_delete_notes(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * Orders the keys from number FIRST on, which are all of one guest, and fills in what is known of
 * them. NAMES is the listing of the guest's folder. While a snapshot is dated in the future, and
 * nothing is noted of it, the newest of the others are opened, to see by their parents which are
 * newer.
 */
void vk_catalog_order(VkVault *vault, GPtrArray *keys, guint first, const GPtrArray *names);
