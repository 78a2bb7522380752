/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkRateLimit: how many bytes a second several threads may read together. The rate is never above
 * it, not even for a moment. Unused time is not made up for. Threads: free, but for init and clear.
 */
#pragma once

#include <glib.h>

typedef struct VkRateLimit {
	GMutex mutex;
	guint64 bytes_per_sec; /* 0: no limit */
	gint64 next_usec;      /* until when the time is given away (monotonic); under the mutex */
} VkRateLimit;

void vk_rate_limit_init(VkRateLimit *limit, guint64 bytes_per_sec);
void vk_rate_limit_clear(VkRateLimit *limit);

/* Waits until BYTES may be read, or for vk_interrupted(). LIMIT may be NULL. */
void vk_rate_limit_wait(VkRateLimit *limit, gsize bytes);
