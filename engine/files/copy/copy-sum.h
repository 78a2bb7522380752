/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkCopySum: how much a walk is going to write. Threads: one at a time. */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkCopySum {
	guint64 bytes;   /* of the files, without their holes */
	guint64 entries; /* of any kind */
} VkCopySum;

/*
 * Sums up what WALK will find, without reading contents. What cannot be read is left to the walk
 * itself. The file systems can lie.
 */
gboolean vk_copy_sum(VkGuestFiles *files, const VkWalk *walk, VkCopySum *ret, GError **error);
