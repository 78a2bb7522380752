/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "when.h"

#include "errors.h"
#include "timestamp.h"

#include <string.h>

#define ID_DIGITS_MIN 4u
#define BACK_MAX      1000000u
#define MINUTE_SEC    60

/* A date, and perhaps hours and minutes, seconds, and a zone. */
static const char moment_form[] = "^(\\d{4})-?(\\d\\d)-?(\\d\\d)"
				  "(?:[Tt ](\\d\\d):?(\\d\\d)(?::?(\\d\\d))?"
				  "([Zz]|[+-]\\d\\d(?::?\\d\\d)?)?)?$";

enum {
	PART_YEAR = 1,
	PART_MONTH,
	PART_DAY,
	PART_HOUR,
	PART_MINUTE,
	PART_SECOND,
	PART_ZONE,
};

static gboolean has_part(const GMatchInfo *match, int part)
{
	g_autofree char *text = g_match_info_fetch(match, part);

	return text && *text;
}

static int number_of(const GMatchInfo *match, int part)
{
	g_autofree char *text = g_match_info_fetch(match, part);

	return text && *text ? (int)g_ascii_strtoll(text, NULL, 10) : 0;
}

static GTimeZone *zone_of(const GMatchInfo *match)
{
	g_autofree char *text = g_match_info_fetch(match, PART_ZONE);

	/* GLib knows a capital Z alone. */
	g_autofree char *zone = text ? g_ascii_strup(text, -1) : NULL;

	return zone && *zone ? g_time_zone_new_identifier(zone) : g_time_zone_new_local();
}

/* The day of TIME from its begin to its end, which is 23 or 25 hours long once a year. */
static gboolean set_day(GDateTime *time, VkWhen *ret)
{
	g_autoptr(GDateTime) begin =
		g_date_time_new_local(g_date_time_get_year(time), g_date_time_get_month(time),
				      g_date_time_get_day_of_month(time), 0, 0, 0);
	g_autoptr(GDateTime) next = begin ? g_date_time_add_days(begin, 1) : NULL;

	if (!next)
		return FALSE;
	ret->kind = VK_WHEN_AT;
	ret->first = g_date_time_to_unix(begin);
	ret->last = g_date_time_to_unix(next) - 1;
	return TRUE;
}

/* A day that does not exist is FALSE. */
static gboolean set_moment(const GMatchInfo *match, VkWhen *ret)
{
	g_autoptr(GTimeZone) zone = zone_of(match);
	g_autoptr(GDateTime) time =
		zone ? g_date_time_new(zone, number_of(match, PART_YEAR),
				       number_of(match, PART_MONTH), number_of(match, PART_DAY),
				       number_of(match, PART_HOUR), number_of(match, PART_MINUTE),
				       number_of(match, PART_SECOND))
		     : NULL;

	if (!time)
		return FALSE;
	if (!has_part(match, PART_HOUR))
		return set_day(time, ret);
	ret->kind = VK_WHEN_AT;
	ret->first = ret->last = g_date_time_to_unix(time);
	if (!has_part(match, PART_SECOND))
		ret->last += MINUTE_SEC - 1;
	return TRUE;
}

static gboolean parse_word(const char *text, gint64 now, VkWhen *ret)
{
	g_autoptr(GDateTime) today = g_date_time_new_from_unix_local(now);
	g_autoptr(GDateTime) day = NULL;

	if (!today)
		return FALSE;
	if (strcmp(text, "today") == 0)
		day = g_date_time_ref(today);
	else if (strcmp(text, "yesterday") == 0)
		day = g_date_time_add_days(today, -1);
	return day && set_day(day, ret);
}

static gboolean parse_moment(const char *text, gint64 now, VkWhen *ret, gboolean *ret_has_form)
{
	g_autoptr(GRegex) regex = g_regex_new(moment_form, G_REGEX_OPTIMIZE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	*ret = (VkWhen){0};
	*ret_has_form = FALSE;
	if (vk_time_parse(text, &ret->first, NULL)) {
		ret->kind = VK_WHEN_EXACT;
		ret->last = ret->first;
		return TRUE;
	}
	if (!g_utf8_validate(text, -1, NULL) || !g_regex_match(regex, text, 0, &match))
		return parse_word(text, now, ret);
	*ret_has_form = TRUE;
	return set_moment(match, ret);
}

gboolean vk_when_parse_moment(const char *text, gint64 now, VkWhen *ret, GError **error)
{
	gboolean has_form;

	if (parse_moment(text, now, ret, &has_form))
		return TRUE;
	if (has_form)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is not a valid date or time", text);
	return vk_fail(error, VK_ERROR_USAGE, "'%s' is not a time: write " VK_WHEN_FORMS, text);
}

static gboolean parse_back(const char *text, VkWhen *ret)
{
	guint64 back;

	if (*text != '-' || !g_ascii_string_to_unsigned(text + 1, 10, 0, BACK_MAX, &back, NULL))
		return FALSE;
	ret->kind = VK_WHEN_BACK;
	ret->back = (guint)back;
	return TRUE;
}

static gboolean parse_id(const char *text, VkWhen *ret)
{
	gsize length = strlen(text);

	if (length < ID_DIGITS_MIN || length >= sizeof(ret->id) ||
	    strspn(text, "0123456789abcdefABCDEF") != length)
		return FALSE;
	ret->kind = VK_WHEN_ID;
	for (gsize i = 0; i < length; i++)
		ret->id[i] = g_ascii_tolower(text[i]);
	return TRUE;
}

gboolean vk_when_parse(const char *text, gint64 now, VkWhen *ret, GError **error)
{
	gboolean has_form;

	*ret = (VkWhen){.kind = VK_WHEN_LATEST};
	if (strcmp(text, VK_TIME_LATEST) == 0 || parse_back(text, ret) ||
	    parse_moment(text, now, ret, &has_form))
		return TRUE;
	if (parse_id(text, ret))
		return TRUE;
	if (has_form)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is not a valid date or time", text);
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' is not a time: write 'latest', " VK_WHEN_FORMS
		       ", -1 for the one before the latest, or a snapshot's id",
		       text);
}

gboolean vk_snapshot_name_parse(const char *text, char **ret_guest, char **ret_time, GError **error)
{
	const char *at = strrchr(text, '@');
	const char *time = at ? at + 1 : VK_TIME_LATEST;
	VkWhen when;

	if (*text == '\0' || at == text)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' names no guest; write GUEST@TIME",
			       text);
	if (!vk_when_parse(time, g_get_real_time() / G_USEC_PER_SEC, &when, error))
		return FALSE;
	*ret_guest = at ? g_strndup(text, (gsize)(at - text)) : g_strdup(text);
	*ret_time = g_strdup(time);
	return TRUE;
}

/* GLib would look at /etc/localtime each time. */
static gpointer load_local_zone(gpointer unused)
{
	return g_time_zone_new_local();
}

static char *local_text(const char *time, const char *format)
{
	static GOnce zone = G_ONCE_INIT;
	g_autoptr(GDateTime) utc = NULL, local = NULL;
	char *text = NULL;
	gint64 seconds;

	if (vk_time_parse(time, &seconds, NULL))
		utc = g_date_time_new_from_unix_utc(seconds);
	if (utc)
		local = g_date_time_to_timezone(utc, g_once(&zone, load_local_zone, NULL));
	if (local)
		text = g_date_time_format(local, format);
	return text ? text : g_strdup(time);
}

char *vk_when_local(const char *time)
{
	return local_text(time, "%Y-%m-%d %H:%M");
}

char *vk_when_local_in_full(const char *time)
{
	return local_text(time, "%Y-%m-%d %H:%M:%S %z");
}
