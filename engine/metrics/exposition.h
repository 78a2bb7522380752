/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkExposition: measured values as text for Prometheus, in its exposition format 0.0.4. All are
 * gauges: what is counted here can become less. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkExposition VkExposition;

VkExposition *vk_exposition_new(void);
void vk_exposition_free(VkExposition *exposition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkExposition, vk_exposition_free)

/*
 * Begins the metric NAME; HELP is one sentence about it. Each NAME may be begun once. One without a
 * value leaves no trace. Both are borrowed until the next one begins.
 */
void vk_exposition_begin(VkExposition *exposition, const char *name, const char *help);

/*
 * A value of that metric. Its labels follow, each as name and value, and then NULL. Values of
 * labels may be any text: what is not printable is escaped.
 */
void vk_exposition_add(VkExposition *exposition, double value, ...) G_GNUC_NULL_TERMINATED;

/* All lines up to now, each with its line feed. Borrowed. */
const char *vk_exposition_text(const VkExposition *exposition);
