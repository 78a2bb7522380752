/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timestamp.h"

#include "errors.h"

#include <string.h>

char *vk_time_format(gint64 seconds)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);

	g_assert(time);
	return g_date_time_format(time, "%Y%m%dT%H%M%SZ");
}

static gboolean has_time_form(const char *text)
{
	static const char form[] = "dddddddd"
				   "T"
				   "dddddd"
				   "Z";

	if (strlen(text) != VK_TIME_LENGTH)
		return FALSE;
	for (int i = 0; i < VK_TIME_LENGTH; i++)
		if (form[i] == 'd' ? !g_ascii_isdigit(text[i]) : text[i] != form[i])
			return FALSE;
	return TRUE;
}

gboolean vk_time_parse(const char *text, gint64 *ret_seconds, GError **error)
{
	g_autoptr(GDateTime) time = NULL;

	if (has_time_form(text))
		time = g_date_time_new_from_iso8601(text, NULL);
	if (!time)
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' is not a time like 20261122T201405Z (UTC)", text);
	*ret_seconds = g_date_time_to_unix(time);
	return TRUE;
}
