/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSpool: what notices leave behind on this host: those that could not be sent yet, bounded in
 * number and age, and which trouble a target knows of already. Any number of processes share it:
 * the lock is for what is known, and held for an instant; who sends a notice has a claim to that
 * one. Threads: one at a time.
 */
#pragma once

#include "notice.h"

#include <glib.h>

typedef struct VkSpool VkSpool;

#define VK_SPOOL_MAX      100u
#define VK_SPOOL_AGE_MAX  ((gint64)7 * 24 * 3600) /* seconds */
#define VK_SPOOL_KEYS_MAX 1000u
/*
 * Seconds until the same trouble is told again: less than from one run of each night to the next,
 * however much sooner than yesterday it fails.
 */
#define VK_SPOOL_REPEAT ((gint64)20 * 3600)

/* Opens and makes DIRECTORY, which others cannot enter. */
VkSpool *vk_spool_open(const char *directory, GError **error);
void vk_spool_close(VkSpool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSpool, vk_spool_close)

/*
 * Has what is known to itself until vk_spool_unlock(), which saves it. VK_ERROR_BUSY when another
 * process has it for longer than WAIT_USEC. Nothing that may take long is done in between.
 */
gboolean vk_spool_lock(VkSpool *spool, gint64 wait_usec, GError **error);
void vk_spool_unlock(VkSpool *spool);

/*
 * Takes notice that NOTICE goes to TARGET at NOW (seconds since 1970). A success after trouble
 * becomes a recovery. Returns whether it is news: not the same trouble as before, unless that was
 * VK_SPOOL_REPEAT ago. Without the lock nothing is known, and all is news.
 */
gboolean vk_spool_is_news(VkSpool *spool, const char *target, VkNotice *notice, gint64 now);

/*
 * Keeps NOTICE to TARGET. When there are too many, the oldest goes. Needs no lock. Returns its
 * name, a new string.
 */
char *vk_spool_put(VkSpool *spool, const char *target, const VkNotice *notice, gint64 now,
		   GError **error);

/*
 * The right to send what is kept as NAME: close() gives it back, as does the end of the process. A
 * descriptor; -1: another process sends it, or has sent it.
 */
int vk_spool_claim(const VkSpool *spool, const char *name);

/* What is kept as NAME was sent. */
void vk_spool_drop(const VkSpool *spool, const char *name);

/* How many are kept. */
guint vk_spool_count(const VkSpool *spool);

/*
 * Has SEND try each that is kept, the oldest first, until it says FALSE for a target, or another
 * process sends to it. What it took, and what is too old or damaged, is removed. Returns how many
 * too old ones were lost.
 */
typedef gboolean (*VkSpoolSend)(const char *target, const VkNotice *notice, gpointer data);
guint vk_spool_flush(VkSpool *spool, gint64 now, VkSpoolSend send, gpointer data);
