/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDuration: how long something is kept, in units of the calendar: "14d", "1y6m", "36h". A day is
 * not always 24 hours long, so it becomes seconds only at a moment and in a time zone. Threads:
 * free.
 */
#pragma once

#include <glib.h>

typedef struct VkDuration {
	int years, months, weeks, days, hours;
} VkDuration;

/*
 * Whole numbers up to 9999, each with its unit: y, m (months), w, d or h, in this order.
 * VK_ERROR_USAGE for anything else, and for nothing at all; "0d" is zero.
 */
gboolean vk_duration_parse(const char *text, VkDuration *ret, GError **error);

gboolean vk_duration_is_zero(const VkDuration *duration);

/* "1y6m". New string. */
char *vk_duration_words(const VkDuration *duration);

/*
 * The moment that is DURATION before SECONDS (since 1970) by the calendar of ZONE: at the same time
 * of day, unless there are hours. G_MININT64 when no calendar goes back so far.
 */
gint64 vk_duration_before(const VkDuration *duration, gint64 seconds, GTimeZone *zone);
