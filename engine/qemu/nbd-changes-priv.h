/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNbdChanges: the changes of an export, streamed from its dirty bitmap. It has a connection of
 * its own that asks for nothing else, so big steps are cheap: the server need not look at the
 * allocation of clean parts. It keeps only a window, never a list of the whole disk. Threads: one
 * at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkNbdChanges VkNbdChanges;

/* Whether the EXPORT at SOCKET offers the changes in BITMAP. */
gboolean vk_nbd_changes_offered(const char *socket, const char *export, const char *bitmap,
				gboolean *ret, GError **error);

VkNbdChanges *vk_nbd_changes_new(const char *socket, const char *export, const char *bitmap,
				 GError **error);

/*
 * The first run of changes at or behind OFFSET and before LIMIT, in whole VK_SOURCE_CHANGE_UNITs
 * but cut off at both: [*RET_START, *RET_END). LIMIT in both when there is none. What follows at
 * *RET_END may also be changed.
 */
gboolean vk_nbd_changes_find(VkNbdChanges *changes, guint64 offset, guint64 limit,
			     guint64 *ret_start, guint64 *ret_end, GError **error);

/* How often the server was asked so far. */
guint vk_nbd_changes_asked(const VkNbdChanges *changes);

void vk_nbd_changes_free(VkNbdChanges *changes); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNbdChanges, vk_nbd_changes_free)
