/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Removing marks and copies that say nothing any more. Threads: free. */
#pragma once

#include "vault.h"

#include <glib.h>

/*
 * Removes what those who were killed left beside snapshots: marks of leases that have ended, and
 * other marks and copies of a snapshot that does not exist. Who works meanwhile is not disturbed.
 * For a collector, before it removes.
 */
gboolean vk_catalog_sweep(VkVault *vault, GError **error);
