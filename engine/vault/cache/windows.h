/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWindows: the windows of objects that were read last, in memory, and behind them in files. Who
 * wants one that somebody else is fetching waits for that. Threads: free, but for new and free.
 */
#pragma once

#include "store.h"
#include "window-files.h"

#include <glib.h>

typedef struct VkWindows VkWindows;

/* Both are borrowed; FILES is nullable. */
VkWindows *vk_windows_new(VkStore *store, VkWindowFiles *files);

/* Waits for what is being fetched. Takes NULL. */
void vk_windows_free(VkWindows *windows);

/*
 * The part LENGTH at OFFSET of OBJECT, of SIZE bytes, within these. As the store's get.
 */
gboolean vk_windows_get(VkWindows *windows, const char *object, guint64 size, guint64 offset,
			void *buf, gsize length, GError **error);

/* Whether the window with this byte is in memory. */
gboolean vk_windows_has(VkWindows *windows, const char *object, guint64 offset);

/* Forgets the windows of OBJECT that are in memory. */
void vk_windows_drop(VkWindows *windows, const char *object, guint64 size);
