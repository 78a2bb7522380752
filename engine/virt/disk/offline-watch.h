/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkOfflineWatch: notices whether a shut-off guest was started, and whether anything wrote to its
 * disks: by lifecycle events, its state, the images' mtimes, and QEMU's locks on them.
 * Threads: one at a time.
 */
#pragma once

#include "domain.h"
#include "host.h"

#include <glib.h>

typedef struct VkOfflineWatch VkOfflineWatch;

/*
 * Watches the disks TARGETS (char*) of DOMAIN. GUEST is borrowed until the free. VK_ERROR_CHANGED
 * when the guest is not off; VK_ERROR_BUSY when another program may write to an image.
 */
VkOfflineWatch *vk_offline_watch_new(VkGuest *guest, const VkDomain *domain,
				     const GPtrArray *targets, GError **error);

/* Says that virtkeep itself has written to the images until now. */
gboolean vk_offline_watch_allow_ours(VkOfflineWatch *watch, GError **error);

/* FALSE, with the same errors, when something happened, or when that cannot be known. */
gboolean vk_offline_watch_unchanged(VkOfflineWatch *watch, GError **error);

void vk_offline_watch_free(VkOfflineWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkOfflineWatch, vk_offline_watch_free)
