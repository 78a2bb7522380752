/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The snapshots that a command line names, found before any of them is changed. Threads: free.
 */
#pragma once

#include "catalog.h"

#include <glib.h>

typedef struct VkNamedSnapshot {
	char *name; /* GUEST@TIME */
	VkSnapshotKey *key;
} VkNamedSnapshot;

/*
 * Finds each of REFERENCES, a forgotten one as well when no other fits. Returns VkNamedSnapshot*,
 * owned by the array, each once. Errors as of vk_catalog_find().
 */
GPtrArray *vk_named_snapshots_find(VkVault *vault, char *const *references, GError **error);
