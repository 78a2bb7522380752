/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Removing what leases that have ended leave in the vault. Threads: free. */
#pragma once

#include "store.h"

#include <glib.h>

/*
 * Removes all that carries the id of a lease that has ended: ID is its own, or was seen in the
 * vault. Its announcement, its marks on
 * snapshots, its intent, its beats, its fence, and its end as the last. VK_ERROR_BUSY when it is
 * open.
 */
gboolean vk_lease_sweep(VkStore *store, const char *id, GError **error);
