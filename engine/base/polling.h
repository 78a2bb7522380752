/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for something that sends no event. Threads: free. */
#pragma once

#include <glib.h>

/* Waits between two polls: 10 ms at first, then longer up to a quarter of a second. */
void vk_poll_pause(guint *msec);

/* Seconds from now as a g_get_monotonic_time() value. */
gint64 vk_deadline(guint seconds);
gboolean vk_deadline_passed(gint64 deadline);
