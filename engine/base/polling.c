/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "polling.h"

#define POLL_FIRST_MSEC 10
#define POLL_LAST_MSEC  250

void vk_poll_pause(guint *msec)
{
	*msec = CLAMP(*msec * 3 / 2, POLL_FIRST_MSEC, POLL_LAST_MSEC);
	g_usleep(*msec * G_TIME_SPAN_MILLISECOND);
}

gint64 vk_deadline(guint seconds)
{
	return g_get_monotonic_time() + (gint64)seconds * G_TIME_SPAN_SECOND;
}

gboolean vk_deadline_passed(gint64 deadline)
{
	return g_get_monotonic_time() >= deadline;
}
