/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkSemaphore lets a bounded number of threads through at once. Threads: free. */
#pragma once

#include <glib.h>

typedef struct VkSemaphore {
	GMutex mutex;
	GCond changed;
	guint free;
} VkSemaphore;

static inline void vk_semaphore_init(VkSemaphore *semaphore, guint places)
{
	g_mutex_init(&semaphore->mutex);
	g_cond_init(&semaphore->changed);
	semaphore->free = places;
}

static inline void vk_semaphore_clear(VkSemaphore *semaphore)
{
	g_mutex_clear(&semaphore->mutex);
	g_cond_clear(&semaphore->changed);
}

static inline void vk_semaphore_enter(VkSemaphore *semaphore)
{
	g_mutex_lock(&semaphore->mutex);
	while (semaphore->free == 0)
		g_cond_wait(&semaphore->changed, &semaphore->mutex);
	semaphore->free--;
	g_mutex_unlock(&semaphore->mutex);
}

static inline void vk_semaphore_leave(VkSemaphore *semaphore)
{
	g_mutex_lock(&semaphore->mutex);
	semaphore->free++;
	g_cond_signal(&semaphore->changed);
	g_mutex_unlock(&semaphore->mutex);
}
