/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the snapshot of a guest that people mean by what they write after the '@'. Threads: free. */
#pragma once

#include "catalog.h"
#include "when.h"

#include <glib.h>

/*
 * Finds the snapshot that WHEN means. KEYS: VkSnapshotKey*, of one guest, the newest last, at least
 * one. TEXT: how WHEN was written, and GUEST, are for the error. Returns borrowed. VK_ERROR_NOT_FOUND
 * names what there is. VK_ERROR_USAGE: several snapshots have an id that begins with these digits.
 */
const VkSnapshotKey *vk_choose_snapshot(const GPtrArray *keys, const VkWhen *when, const char *text,
					const char *guest, GError **error);
