/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rate-limit.h"

#include "interrupt.h"

/* So often an interruption is looked for. */
#define STEP_USEC (100 * G_TIME_SPAN_MILLISECOND)

void vk_rate_limit_init(VkRateLimit *limit, guint64 bytes_per_sec)
{
	*limit = (VkRateLimit){.bytes_per_sec = bytes_per_sec};
	g_mutex_init(&limit->mutex);
}

void vk_rate_limit_clear(VkRateLimit *limit)
{
	g_mutex_clear(&limit->mutex);
}

/* When the caller may read: once the time is over that its bytes and those before them take. */
static gint64 take_turn(VkRateLimit *limit, gsize bytes)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->mutex);
	gint64 start = MAX(limit->next_usec, g_get_monotonic_time());

	limit->next_usec = start + (gint64)(bytes * G_USEC_PER_SEC / limit->bytes_per_sec);
	return limit->next_usec;
}

void vk_rate_limit_wait(VkRateLimit *limit, gsize bytes)
{
	gint64 turn, left;

	if (!limit || limit->bytes_per_sec == 0)
		return;
	turn = take_turn(limit, bytes);
	while ((left = turn - g_get_monotonic_time()) > 0 && !vk_interrupted())
		g_usleep((gulong)MIN(left, STEP_USEC));
}
