/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTimeWindow: a part of each day, like "22:00-06:00", which may go over midnight. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkTimeWindow {
	int from, to; /* minutes of the day by the clocks; TO is outside, and never equals FROM */
} VkTimeWindow;

/* VK_ERROR_USAGE for what is not of the form HH:MM-HH:MM. */
gboolean vk_time_window_parse(const char *text, VkTimeWindow *ret, GError **error);

/* Whether SECONDS since 1970 lies in it by the clocks of ZONE. */
gboolean vk_time_window_has(const VkTimeWindow *window, gint64 seconds, GTimeZone *zone);

/* The first minute of it, as "22:00". New string. */
char *vk_time_window_begin(const VkTimeWindow *window);
