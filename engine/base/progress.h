/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A progress line on stderr with rate and time left. It is drawn only on a terminal and when
 * output is not quiet; otherwise every call is nearly free. One is active at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkProgress VkProgress;

/* LABEL is drawn in front, TOTAL is in bytes (0: unknown). Starts drawing. */
VkProgress *vk_progress_new(const char *label, guint64 total);

/* Adds BYTES to the total. The rate counts from the first of them on. Takes NULL. Threads: free. */
void vk_progress_expect(VkProgress *progress, guint64 bytes);

/* Adds BYTES done. Takes NULL. Threads: free. */
void vk_progress_add(VkProgress *progress, guint64 bytes);

/* Stops drawing and removes the line. Takes NULL. */
void vk_progress_free(VkProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkProgress, vk_progress_free)

/* Removes the line for now, so that a log line can be printed. The next tick draws it again. */
void vk_progress_hide(void);
