/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A progress line on stderr with rate and time left, and the same in events (event.h). It is drawn
 * only on a terminal, and when output is not quiet; where nobody watches, every call is nearly
 * free. One is active at a time. It counts the bytes that are read or written, not the holes
 * between them.
 */
#pragma once

#include <glib.h>

typedef struct VkProgress VkProgress;

/* LABEL is drawn in front, TOTAL is in bytes (0: unknown). Starts drawing. */
VkProgress *vk_progress_new(const char *label, guint64 total);

/* Draws another LABEL from now on. Takes NULL. Threads: free. */
void vk_progress_set_label(VkProgress *progress, const char *label);

/* Tells programs that DONE of so many guests are done. Takes NULL. Threads: free. */
void vk_progress_set_guests(VkProgress *progress, guint done, guint guests);

/* Whether it is shown: whether it is worth while to count for it. Takes NULL. */
gboolean vk_progress_is_drawn(const VkProgress *progress);

/*
 * COUNT more, or when negative fewer, things are still to be counted into the total. While there
 * are any, no percentage and no time left is drawn. Takes NULL. Threads: free.
 */
void vk_progress_await(VkProgress *progress, int count);

/* Adds BYTES to the total. The rate counts from the first of them on. Takes NULL. Threads: free. */
void vk_progress_expect(VkProgress *progress, guint64 bytes);

/* Takes BYTES that were expected off the total: they will not come. Takes NULL. Threads: free. */
void vk_progress_give_up(VkProgress *progress, guint64 bytes);

/* Adds BYTES done. Takes NULL. Threads: free. */
void vk_progress_add(VkProgress *progress, guint64 bytes);

/* Stops drawing and removes the line. Takes NULL. */
void vk_progress_free(VkProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkProgress, vk_progress_free)
