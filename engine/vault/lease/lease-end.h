/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ending the lease of a host that does not come back, because a person says that its owner is gone.
 * A person may be wrong. So what an owner who lives after all could still do to listed snapshots
 * keeps the lease open. Threads: free.
 */
#pragma once

#include "lease-list.h"
#include "store.h"

#include <glib.h>

/*
 * Ends the lease INFO. VK_ERROR_BUSY when its owner is a living process of this host, or when it
 * was about to commit, to remove or to delete: the error says what stays. Whoever is not a reader
 * is fenced before, also if that fails. A reader who lives gets errors from then on, never wrong
 * bytes.
 */
gboolean vk_lease_end_by_word(VkStore *store, const VkLeaseInfo *info, GError **error);
