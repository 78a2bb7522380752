/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "time-window.h"

#include "errors.h"

#define HOUR_MIN   60
#define FIRST_HOUR 1 /* the parts of the form below */
#define LAST_HOUR  3

static const char form[] = "^([01]\\d|2[0-3]):([0-5]\\d)-([01]\\d|2[0-3]):([0-5]\\d)$";

static int number_of(const GMatchInfo *match, int part)
{
	g_autofree char *text = g_match_info_fetch(match, part);

	return (int)g_ascii_strtoll(text, NULL, 10);
}

gboolean vk_time_window_parse(const char *text, VkTimeWindow *ret, GError **error)
{
	g_autoptr(GRegex) regex = g_regex_new(form, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	if (!g_utf8_validate(text, -1, NULL) || !g_regex_match(regex, text, 0, &match))
		return vk_fail(error, VK_ERROR_USAGE,
			       "must be two times of the day like 22:00-06:00, not '%s'", text);
	ret->from = number_of(match, FIRST_HOUR) * HOUR_MIN + number_of(match, FIRST_HOUR + 1);
	ret->to = number_of(match, LAST_HOUR) * HOUR_MIN + number_of(match, LAST_HOUR + 1);
	return ret->from != ret->to ||
	       vk_fail(error, VK_ERROR_USAGE, "'%s' is empty: it ends when it begins", text);
}

gboolean vk_time_window_has(const VkTimeWindow *window, gint64 seconds, GTimeZone *zone)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;
	int minute;

	if (!local)
		return FALSE;
	minute = g_date_time_get_hour(local) * HOUR_MIN + g_date_time_get_minute(local);
	return window->from < window->to ? minute >= window->from && minute < window->to
					 : minute >= window->from || minute < window->to;
}

char *vk_time_window_begin(const VkTimeWindow *window)
{
	return g_strdup_printf("%02d:%02d", window->from / HOUR_MIN, window->from % HOUR_MIN);
}
