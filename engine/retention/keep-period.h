/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The periods of the calendar that a rule counts by. They begin at natural boundaries: an hour at
 * its minute 0, a day at midnight, a week on Monday (ISO 8601). Threads: free.
 */
#pragma once

#include <glib.h>

typedef enum {
	VK_PERIOD_NONE, /* each snapshot is one of its own */
	VK_PERIOD_HOUR, /* one that a change of the clocks repeats is two */
	VK_PERIOD_DAY,
	VK_PERIOD_WEEK,
	VK_PERIOD_MONTH,
	VK_PERIOD_YEAR,
} VkPeriod;

/* A number that two moments (seconds since 1970) share when they are in one PERIOD of ZONE. */
gint64 vk_period_number(VkPeriod period, gint64 seconds, GTimeZone *zone);
