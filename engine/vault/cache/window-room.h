/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWindowRoom: keeps the files of a cache below a size. They are counted now and then, for other
 * processes write there, too. Each of them may be ahead of its last count by a sixteenth. Threads:
 * one at a time.
 */
#pragma once

#include <glib.h>

/* How names begin of files that are being written. */
#define VK_WINDOW_TEMPORARY ".new-"

typedef struct VkWindowRoom {
	guint64 size; /* bytes of all files together */
	guint64 left; /* that may be written before they are counted again */
} VkWindowRoom;

/*
 * Whether LENGTH bytes more may be written below TOP, whose files are two folders deep. If there
 * are too many, those go that were not used for the longest.
 */
gboolean vk_window_room_take(VkWindowRoom *room, const char *top, gsize length);
