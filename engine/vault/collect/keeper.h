/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkKeeper: somebody because of whom a collection left something that is garbage otherwise.
 * Threads: free.
 */
#pragma once

#include "lease-list.h"
#include "vault.h"

#include <glib.h>

typedef struct VkKeeper {
	char *lease;      /* its id; NULL: it is a pin */
	gboolean expired; /* a pin that has ended: it keeps the snapshot until it is taken away */
	VkLeaseKind kind; /* of the lease: READ, WRITE or UNKNOWN */
	char *host;       /* nullable */
	char *since;      /* a TIME; nullable */
	guint snapshots;  /* forgotten ones that stay; 0: the blocks of a backup that did not end */
} VkKeeper;

void vk_keeper_free(VkKeeper *keeper);

/*
 * Who keeps what at the moment, the oldest first. How many bytes that are is not known: other
 * snapshots may need the same blocks. Returns VkKeeper*, owned by the array.
 */
GPtrArray *vk_keepers_list(VkVault *vault, GError **error);
