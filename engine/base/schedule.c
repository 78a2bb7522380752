/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "schedule.h"

#include "errors.h"
#include "timestamp.h"

#include <string.h>

/* A Monday the 29th of February comes at least once in so many days: a century may leave one out.
 */
#define DAYS_MAX (41 * 366)

#define PARTS_MAX 16

/* The moments of one part: all bits of a day and a time of day that match. */
typedef struct {
	guint32 weekdays; /* bit 1: Monday */
	guint32 months;   /* bit 1: January */
	guint32 days;     /* bit 1: the first */
	guint32 hours;
	guint64 minutes;
	int second;
	GTimeZone *zone; /* NULL: that of the host */
} Part;

struct VkSchedule {
	GArray *parts;    /* Part */
	char **calendars; /* the text of each */
};

static const struct {
	const char *word, *meaning;
} words[] = {
	{"hourly", "*-*-* *:00"},
	{"daily", "*-*-* 00:00"},
	{"weekly", "Mon *-*-* 00:00"},
	{"monthly", "*-*-01 00:00"},
	{"quarterly", "*-01,04,07,10-01 00:00"},
	{"semiannually", "*-01,07-01 00:00"},
	{"yearly", "*-01-01 00:00"},
	{"annually", "*-01-01 00:00"},
};

static const char *const weekday_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
					    "Friday", "Saturday", "Sunday"};

static void part_clear(gpointer data)
{
	g_clear_pointer(&((Part *)data)->zone, g_time_zone_unref);
}

void vk_schedule_free(VkSchedule *schedule)
{
	if (!schedule)
		return;
	g_array_unref(schedule->parts);
	g_strfreev(schedule->calendars);
	g_free(schedule);
}

const char *const *vk_schedule_calendars(const VkSchedule *schedule)
{
	return (const char *const *)schedule->calendars;
}

/* ---- reading ---- */

static gboolean read_number(const char *text, guint min, guint max, guint *ret)
{
	guint64 number;

	if (strlen(text) > 2 || !g_ascii_string_to_unsigned(text, 10, min, max, &number, NULL))
		return FALSE;
	*ret = (guint)number;
	return TRUE;
}

/* One of "5", "5..9", and "5/10", which means 5, 15, 25 and so on. */
static gboolean read_item(const char *text, guint min, guint max, guint64 *ret)
{
	const char *dots = strstr(text, "..");
	const char *slash = dots ? NULL : strchr(text, '/');
	const char *end = dots ? dots : slash;
	g_autofree char *head = end ? g_strndup(text, (gsize)(end - text)) : g_strdup(text);
	guint first, last, step = 1;

	if (!read_number(head, min, max, &first))
		return FALSE;
	last = slash ? max : first;
	if ((dots && !read_number(dots + 2, first, max, &last)) ||
	    (slash && !read_number(slash + 1, 1, max, &step)))
		return FALSE;
	for (guint i = first; i <= last; i += step)
		*ret |= (guint64)1 << i;
	return TRUE;
}

/* "*", or items separated by commas. */
static gboolean read_set(const char *text, guint min, guint max, guint64 *ret)
{
	g_auto(GStrv) items = g_strsplit(text, ",", -1);

	*ret = 0;
	if (strcmp(text, "*") == 0) {
		for (guint i = min; i <= max; i++)
			*ret |= (guint64)1 << i;
		return TRUE;
	}
	for (char **item = items; *item; item++)
		if (!read_item(*item, min, max, ret))
			return FALSE;
	return *ret != 0;
}

/* "Mon" or "Monday". 0 for anything else. */
static guint read_weekday(const char *text)
{
	for (guint i = 0; i < G_N_ELEMENTS(weekday_names); i++)
		if (g_ascii_strcasecmp(text, weekday_names[i]) == 0 ||
		    (strlen(text) == 3 && g_ascii_strncasecmp(text, weekday_names[i], 3) == 0))
			return i + 1;
	return 0;
}

/* "Mon", "Mon..Fri", "Mon,Wed,Sat..Sun". */
static gboolean read_weekdays(const char *text, guint32 *ret)
{
	g_auto(GStrv) items = g_strsplit(text, ",", -1);

	*ret = 0;
	for (char **item = items; *item; item++) {
		char *dots = strstr(*item, "..");
		guint first, last;

		if (dots)
			*dots = '\0';
		first = read_weekday(*item);
		last = dots ? read_weekday(dots + 2) : first;
		if (first == 0 || last < first)
			return FALSE;
		for (guint i = first; i <= last; i++)
			*ret |= 1u << i;
	}
	return *ret != 0;
}

/* "*-MONTHS-DAYS": no year can be named. */
static gboolean read_date(const char *text, Part *part)
{
	g_auto(GStrv) fields = g_strsplit(text, "-", -1);
	guint64 months, days;

	if (g_strv_length(fields) != 3 || strcmp(fields[0], "*") != 0 ||
	    !read_set(fields[1], 1, 12, &months) || !read_set(fields[2], 1, 31, &days))
		return FALSE;
	part->months = (guint32)months;
	part->days = (guint32)days;
	return TRUE;
}

/* "HOURS:MINUTES" or "HOURS:MINUTES:SECOND". */
static gboolean read_time(const char *text, Part *part)
{
	g_auto(GStrv) fields = g_strsplit(text, ":", -1);
	guint count = g_strv_length(fields), second = 0;
	guint64 hours;

	if (count < 2 || count > 3 || !read_set(fields[0], 0, 23, &hours) ||
	    !read_set(fields[1], 0, 59, &part->minutes) ||
	    (count == 3 && !read_number(fields[2], 0, 59, &second)))
		return FALSE;
	part->hours = (guint32)hours;
	part->second = (int)second;
	return TRUE;
}

/* The words of one part: [WEEKDAYS] [DATE] [TIME] [ZONE], at least one of the first three. */
static gboolean read_words(char **word, Part *part)
{
	gboolean any = FALSE;

	*part = (Part){.zone = NULL};
	read_weekdays("Mon..Sun", &part->weekdays);
	read_date("*-*-*", part);
	read_time("00:00", part);
	if (*word && read_weekdays(*word, &part->weekdays))
		any = TRUE, word++;
	else
		read_weekdays("Mon..Sun", &part->weekdays);
	if (*word && read_date(*word, part))
		any = TRUE, word++;
	if (*word && read_time(*word, part))
		any = TRUE, word++;
	if (any && *word && !word[1]) {
		part->zone = g_time_zone_new_identifier(*word);
		return part->zone != NULL;
	}
	return any && !*word;
}

/* Whether some month has one of the days. */
static gboolean has_a_day(const Part *part)
{
	for (guint month = 1; month <= 12; month++)
		for (guint day = 1; day <= 31; day++)
			/* 2000 was a leap year. */
			if ((part->months >> month & 1) && (part->days >> day & 1) &&
			    g_date_valid_dmy((GDateDay)day, (GDateMonth)month, 2000))
				return TRUE;
	return FALSE;
}

static const char *meaning_of(const char *word)
{
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].meaning;
	return NULL;
}

static char **split_fields(const char *text)
{
	g_auto(GStrv) fields = g_strsplit(text, " ", -1);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (char **field = fields; *field; field++) {
		const char *meaning = field == fields ? meaning_of(*field) : NULL;
		g_auto(GStrv) meant = meaning ? g_strsplit(meaning, " ", -1) : NULL;

		for (char **part = meant; part && *part; part++)
			g_strv_builder_add(builder, *part);
		if (!meant && **field)
			g_strv_builder_add(builder, *field);
	}
	return g_strv_builder_end(builder);
}

static gboolean add_part(VkSchedule *schedule, const char *text, GError **error)
{
	g_auto(GStrv) fields = split_fields(text);
	Part part;

	if (schedule->parts->len == PARTS_MAX)
		return vk_fail(error, VK_ERROR_USAGE, "has more than %d parts", PARTS_MAX);
	if (!read_words(fields, &part))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' is not understood: write hourly, daily, weekly or monthly, or "
			       "days and a time like 02:30, Mon..Fri 22:30, Sat,Sun *:00, "
			       "*-*-01 04:00, 0/6:15, with a time zone behind it if need be",
			       text);
	g_array_append_val(schedule->parts, part);
	return has_a_day(&part) ||
	       vk_fail(error, VK_ERROR_USAGE, "'%s' never comes: no month has such a day", text);
}

VkSchedule *vk_schedule_parse(const char *text, GError **error)
{
	g_autoptr(VkSchedule) schedule = g_new0(VkSchedule, 1);
	g_autoptr(GStrvBuilder) calendars = g_strv_builder_new();
	g_auto(GStrv) parts = g_strsplit(text, ";", -1);

	schedule->parts = g_array_new(FALSE, TRUE, sizeof(Part));
	g_array_set_clear_func(schedule->parts, part_clear);
	for (char **part = parts; *part; part++) {
		if (!*g_strstrip(*part))
			continue;
		if (!add_part(schedule, *part, error))
			return NULL;
		g_strv_builder_add(calendars, *part);
	}
	schedule->calendars = g_strv_builder_end(calendars);
	if (schedule->parts->len > 0)
		return g_steal_pointer(&schedule);
	vk_fail(error, VK_ERROR_USAGE, "must not be empty");
	return NULL;
}

/* ---- moments ---- */

/*
 * The first moment when the clocks of ZONE show LOCAL, seconds since 1970 as if they were UTC.
 * G_MAXINT64 when they never do. GLib tells the two times of a repeated hour apart by their kind.
 */
static gint64 moment_of(GTimeZone *zone, gint64 local)
{
	static const GTimeType kinds[] = {G_TIME_TYPE_STANDARD, G_TIME_TYPE_DAYLIGHT};
	gint64 first = G_MAXINT64;

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		int interval = g_time_zone_find_interval(zone, kinds[i], local);
		gint64 moment;

		if (interval < 0)
			continue;
		moment = local - g_time_zone_get_offset(zone, interval);
		interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, moment);
		if (interval >= 0 && moment + g_time_zone_get_offset(zone, interval) == local)
			first = MIN(first, moment);
	}
	return first;
}

/* The first moment of the day, which begins at local MIDNIGHT, after AFTER. G_MAXINT64: none. */
static gint64 next_in_day(const Part *part, GTimeZone *zone, gint64 midnight, gint64 after)
{
	for (guint hour = 0; hour < 24; hour++) {
		if (!(part->hours >> hour & 1))
			continue;
		for (guint minute = 0; minute < 60; minute++) {
			gint64 local = midnight + (gint64)(hour * 60 + minute) * 60 + part->second;
			gint64 moment;

			/* No zone is more than a day away from UTC. */
			if (!(part->minutes >> minute & 1) || local < after - VK_DAY_SEC)
				continue;
			moment = moment_of(zone, local);
			if (moment > after && moment != G_MAXINT64)
				return moment;
		}
	}
	return G_MAXINT64;
}

static gboolean is_day(const Part *part, const GDate *day)
{
	return (part->weekdays >> g_date_get_weekday(day) & 1) &&
	       (part->months >> g_date_get_month(day) & 1) &&
	       (part->days >> g_date_get_day(day) & 1);
}

static gint64 next_of_part(const Part *part, gint64 after, GTimeZone *host_zone)
{
	GTimeZone *zone = part->zone ? part->zone : host_zone;
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(after);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;
	gint64 midnight;
	GDate day;

	if (!local)
		return G_MAXINT64;
	g_date_clear(&day, 1);
	g_date_set_dmy(&day, (GDateDay)g_date_time_get_day_of_month(local),
		       (GDateMonth)g_date_time_get_month(local),
		       (GDateYear)g_date_time_get_year(local));
	midnight = g_date_time_to_unix(local) + g_date_time_get_utc_offset(local) / G_USEC_PER_SEC;
	midnight -= g_date_time_get_hour(local) * 3600 + g_date_time_get_minute(local) * 60 +
		    g_date_time_get_second(local);
	for (guint i = 0; i < DAYS_MAX && g_date_get_year(&day) < 9999; i++) {
		gint64 moment =
			is_day(part, &day) ? next_in_day(part, zone, midnight, after) : G_MAXINT64;

		if (moment != G_MAXINT64)
			return moment;
		g_date_add_days(&day, 1);
		midnight += VK_DAY_SEC;
	}
	return G_MAXINT64;
}

gint64 vk_schedule_next(const VkSchedule *schedule, gint64 after, GTimeZone *zone)
{
	gint64 next = G_MAXINT64;

	for (guint i = 0; i < schedule->parts->len; i++)
		next = MIN(next,
			   next_of_part(&g_array_index(schedule->parts, Part, i), after, zone));
	return next;
}
