/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDiskServer: shows overlays as the files 0, 1, ... of a FUSE file system that another process
 * has mounted, in threads of its own. Threads: one at a time.
 */
#pragma once

#include "overlay.h"

#include <glib.h>

typedef struct VkDiskServer VkDiskServer;

/* Takes FD, of /dev/fuse. OVERLAYS (VkOverlay) are borrowed until the free. */
VkDiskServer *vk_disk_server_new(int fd, const GPtrArray *overlays, GError **error);

/* Waits until the mount is gone. Takes NULL. */
void vk_disk_server_free(VkDiskServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDiskServer, vk_disk_server_free)

/*
 * The first read that failed, or NULL. Borrowed until the free. The appliance turns it into errors
 * of its own, which do not have the cause.
 */
const GError *vk_disk_server_trouble(VkDiskServer *server);
