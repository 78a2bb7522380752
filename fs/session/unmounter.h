/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkUnmounter: a small process that keeps the privileges which the mount gives up, and does one
 * thing: it detaches that mount. It ends with the process that started it, whatever ends that.
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkUnmounter VkUnmounter;

/* Starts the process. To be called before any thread runs and before the mount is made. */
VkUnmounter *vk_unmounter_start(GError **error);

/* Ends the process. */
void vk_unmounter_free(VkUnmounter *unmounter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkUnmounter, vk_unmounter_free)

/*
 * Detaches the mount with that DEVICE from PATH, and waits for it. VK_ERROR_BUSY: another mount
 * lies over it.
 */
gboolean vk_unmounter_detach(VkUnmounter *unmounter, const char *path, guint64 device,
			     GError **error);
