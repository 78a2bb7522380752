/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "duration.h"

#include "errors.h"

static const char form[] = "^(?=.)(?:(\\d{1,4})y)?(?:(\\d{1,4})m)?(?:(\\d{1,4})w)?"
			   "(?:(\\d{1,4})d)?(?:(\\d{1,4})h)?$";

static int number_of(const GMatchInfo *match, int part)
{
	g_autofree char *text = g_match_info_fetch(match, part);

	return text ? (int)g_ascii_strtoll(text, NULL, 10) : 0;
}

gboolean vk_duration_parse(const char *text, VkDuration *ret, GError **error)
{
	g_autoptr(GRegex) regex = g_regex_new(form, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	if (!g_utf8_validate(text, -1, NULL) || !g_regex_match(regex, text, 0, &match))
		return vk_fail(error, VK_ERROR_USAGE,
			       "must be a duration like 14d, 8w, 1y6m or 36h (years, months, "
			       "weeks, days, hours), not '%s'",
			       text);
	*ret = (VkDuration){
		.years = number_of(match, 1),
		.months = number_of(match, 2),
		.weeks = number_of(match, 3),
		.days = number_of(match, 4),
		.hours = number_of(match, 5),
	};
	return TRUE;
}

gboolean vk_duration_is_zero(const VkDuration *duration)
{
	return !duration->years && !duration->months && !duration->weeks && !duration->days &&
	       !duration->hours;
}

static void append(GString *text, int number, char unit)
{
	if (number > 0)
		g_string_append_printf(text, "%d%c", number, unit);
}

char *vk_duration_words(const VkDuration *duration)
{
	GString *text = g_string_new(NULL);

	append(text, duration->years, 'y');
	append(text, duration->months, 'm');
	append(text, duration->weeks, 'w');
	append(text, duration->days, 'd');
	append(text, duration->hours, 'h');
	if (text->len == 0)
		g_string_append(text, "0d");
	return g_string_free(text, FALSE);
}

/* More years than DURATION has. */
static int years_at_most(const VkDuration *duration)
{
	return duration->years + duration->months / 12 +
	       (7 * duration->weeks + duration->days + duration->hours / 24) / 365 + 3;
}

gint64 vk_duration_before(const VkDuration *duration, gint64 seconds, GTimeZone *zone)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;
	g_autoptr(GDateTime) day = NULL;
	g_autoptr(GDateTime) before = NULL;

	/* GLib does not check that the year is one of the calendar's. */
	if (local && years_at_most(duration) < g_date_time_get_year(local))
		day = g_date_time_add_full(local, -duration->years, -duration->months,
					   -(7 * duration->weeks + duration->days), 0, 0, 0);
	if (day)
		before = g_date_time_add_hours(day, -duration->hours);
	return before ? g_date_time_to_unix(before) : G_MININT64;
}
