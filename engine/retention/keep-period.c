/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keep-period.h"

#define HOURS_A_DAY 24
#define DAYS_MAX    366
#define WEEKS_MAX   53
#define MONTHS      12

/* The offset of any zone from UTC, in minutes, is less. */
#define OFFSET_MAX ((gint64)24 * 60)

static gint64 day_number(GDateTime *local)
{
	return (gint64)g_date_time_get_year(local) * (DAYS_MAX + 1) +
	       g_date_time_get_day_of_year(local);
}

/* With the offset: when clocks are set back, 02:30 is there twice, one hour apart. */
static gint64 hour_number(GDateTime *local)
{
	gint64 offset = g_date_time_get_utc_offset(local) / G_USEC_PER_SEC / 60;
	gint64 hour = day_number(local) * HOURS_A_DAY + g_date_time_get_hour(local);

	return hour * 2 * OFFSET_MAX + OFFSET_MAX + offset;
}

gint64 vk_period_number(VkPeriod period, gint64 seconds, GTimeZone *zone)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;

	/* The calendar begins with year 1 and ends with 9999. */
	if (!local)
		return seconds;
	switch (period) {
	case VK_PERIOD_HOUR:
		return hour_number(local);
	case VK_PERIOD_DAY:
		return day_number(local);
	case VK_PERIOD_WEEK:
		return (gint64)g_date_time_get_week_numbering_year(local) * (WEEKS_MAX + 1) +
		       g_date_time_get_week_of_year(local);
	case VK_PERIOD_MONTH:
		return (gint64)g_date_time_get_year(local) * (MONTHS + 1) +
		       g_date_time_get_month(local);
	case VK_PERIOD_YEAR:
		return g_date_time_get_year(local);
	case VK_PERIOD_NONE:
		break;
	}
	return seconds;
}
