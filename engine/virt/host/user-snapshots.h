/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots that users have made of a guest through libvirt: internal ones lie in its images,
 * external ones began new files on top of them. Threads: free.
 */
#pragma once

#include "host.h"

#include <glib.h>

typedef struct VkUserSnapshot {
	char *name;
	GPtrArray *files; /* char*: the files that it began; empty when it is internal */
} VkUserSnapshot;

VkUserSnapshot *vk_user_snapshot_new(const char *name);
void vk_user_snapshot_free(VkUserSnapshot *snapshot);

/* The snapshots of GUEST. Returns VkUserSnapshot*, owned by the array. */
GPtrArray *vk_user_snapshots_list(VkGuest *guest, GError **error);

/* Removes libvirt's entries of all of them. Touches no file. */
gboolean vk_user_snapshots_forget(VkGuest *guest, GError **error);
