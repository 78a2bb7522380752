/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkGate: lets a bounded number of threads through at once. Threads: free. */
#pragma once

#include <glib.h>

typedef struct VkGate {
	GMutex mutex;
	GCond changed;
	guint free;
} VkGate;

static inline void vk_gate_init(VkGate *gate, guint places)
{
	g_mutex_init(&gate->mutex);
	g_cond_init(&gate->changed);
	gate->free = places;
}

static inline void vk_gate_clear(VkGate *gate)
{
	g_mutex_clear(&gate->mutex);
	g_cond_clear(&gate->changed);
}

static inline void vk_gate_enter(VkGate *gate)
{
	g_mutex_lock(&gate->mutex);
	while (gate->free == 0)
		g_cond_wait(&gate->changed, &gate->mutex);
	gate->free--;
	g_mutex_unlock(&gate->mutex);
}

static inline void vk_gate_leave(VkGate *gate)
{
	g_mutex_lock(&gate->mutex);
	gate->free++;
	g_cond_signal(&gate->changed);
	g_mutex_unlock(&gate->mutex);
}
