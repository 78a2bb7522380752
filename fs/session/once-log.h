/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkOnceLog: warnings that readers can provoke as often as they like, each logged once and no more
 * than a fixed number altogether. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkOnceLog VkOnceLog;

VkOnceLog *vk_once_log_new(guint limit);
void vk_once_log_free(VkOnceLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkOnceLog, vk_once_log_free)

/* Logs the first text with that KEY. Returns whether the text was logged. */
gboolean vk_once_log_warning(VkOnceLog *log, const char *key, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
