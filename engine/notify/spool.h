/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSpool: what notices leave behind on this host: those that could not be sent yet, bounded in
 * number and age, and which trouble a target knows of already. One process at a time has it.
 * Threads: one at a time.
 */
#pragma once

#include "notice.h"

#include <glib.h>

typedef struct VkSpool VkSpool;

#define VK_SPOOL_MAX      100u
#define VK_SPOOL_AGE_MAX  ((gint64)7 * 24 * 3600) /* seconds */
#define VK_SPOOL_KEYS_MAX 1000u
#define VK_SPOOL_REPEAT   ((gint64)24 * 3600) /* seconds until the same trouble is told again */

/*
 * Opens and makes DIRECTORY, which others cannot enter. VK_ERROR_BUSY when another process has it
 * for longer than WAIT_USEC.
 */
VkSpool *vk_spool_open(const char *directory, gint64 wait_usec, GError **error);
void vk_spool_close(VkSpool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSpool, vk_spool_close)

/*
 * Takes notice that NOTICE goes to TARGET at NOW (seconds since 1970). A success after trouble
 * becomes a recovery. Returns whether it is news: not the same trouble as before, unless that was a
 * day ago.
 */
gboolean vk_spool_is_news(VkSpool *spool, const char *target, VkNotice *notice, gint64 now);

/* Keeps NOTICE to TARGET. When there are too many, the oldest goes. */
gboolean vk_spool_put(VkSpool *spool, const char *target, const VkNotice *notice, gint64 now,
		      GError **error);

/* How many are kept. */
guint vk_spool_count(const VkSpool *spool);

/*
 * Has SEND try each that is kept, the oldest first, until it says FALSE for a target. What it
 * took, and what is too old or damaged, is removed. Returns how many too old ones were lost.
 */
typedef gboolean (*VkSpoolSend)(const char *target, const VkNotice *notice, gpointer data);
guint vk_spool_flush(VkSpool *spool, gint64 now, VkSpoolSend send, gpointer data);
