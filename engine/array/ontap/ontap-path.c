/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-path.h"

#include <string.h>

#define WWID_PREFIX "3600a0980"

static const char *junction_of(const json_t *volume)
{
	return json_string_value(json_object_get(json_object_get(volume, "nas"), "path"));
}

const json_t *vk_ontap_find_volume(const json_t *volumes, const char *path, const char **ret_inside)
{
	const json_t *found = NULL;
	gsize longest = 0, index;
	json_t *volume;

	json_array_foreach (volumes, index, volume) {
		const char *junction = junction_of(volume);
		gsize length = junction ? strlen(junction) : 0;

		/* The SVM's root has "/": all paths go on with their own slash. */
		if (junction && strcmp(junction, "/") == 0)
			length = 0;
		if (!junction || g_ascii_strncasecmp(path, junction, length) != 0 ||
		    (path[length] != '/' && path[length] != '\0') || (found && length <= longest))
			continue;
		found = volume;
		longest = length;
		*ret_inside = path + length + (path[length] == '/');
	}
	return found;
}

gboolean vk_ontap_serial_of_wwid(const char *wwid, char ret_serial[VK_ONTAP_SERIAL_LENGTH + 1])
{
	const char *digits = wwid + strlen(WWID_PREFIX);

	if (g_ascii_strncasecmp(wwid, WWID_PREFIX, strlen(WWID_PREFIX)) != 0 ||
	    strlen(digits) != (gsize)VK_ONTAP_SERIAL_LENGTH * 2)
		return FALSE;
	for (gsize i = 0; i < VK_ONTAP_SERIAL_LENGTH; i++) {
		int high = g_ascii_xdigit_value(digits[2 * i]);
		int low = g_ascii_xdigit_value(digits[2 * i + 1]);

		if (high < 0 || low < 0 || !g_ascii_isgraph((char)(high * 16 + low)))
			return FALSE;
		ret_serial[i] = (char)(high * 16 + low);
	}
	ret_serial[VK_ONTAP_SERIAL_LENGTH] = '\0';
	return TRUE;
}

char *vk_ontap_wwid_of_serial(const char *serial)
{
	GString *wwid = g_string_new(WWID_PREFIX);

	for (; *serial; serial++)
		g_string_append_printf(wwid, "%02x", (guchar)*serial);
	return g_string_free(wwid, FALSE);
}

static guint64 seconds_of(char unit, gboolean is_time)
{
	switch (unit) {
	case 'W':
		return is_time ? 0 : 7 * 86400;
	case 'D':
		return is_time ? 0 : 86400;
	case 'H':
		return is_time ? 3600 : 0;
	case 'M': /* months have no length */
		return is_time ? 60 : 0;
	case 'S':
		return is_time ? 1 : 0;
	default:
		return 0;
	}
}

gboolean vk_ontap_parse_duration(const char *text, guint64 *ret_seconds)
{
	gboolean is_time = FALSE, has_number = FALSE;

	*ret_seconds = 0;
	if (!text || *text++ != 'P')
		return FALSE;
	while (*text) {
		char *end;
		guint64 number, unit;

		if (*text == 'T' && !is_time) {
			is_time = TRUE;
			text++;
			continue;
		}
		if (!g_ascii_isdigit(*text))
			return FALSE;
		number = g_ascii_strtoull(text, &end, 10);
		/* Fractions of seconds say nothing about a lag. */
		if (*end == '.')
			end += 1 + strspn(end + 1, "0123456789");
		unit = seconds_of(*end, is_time);
		if (!unit || number > G_MAXINT32)
			return FALSE;
		*ret_seconds += number * unit;
		has_number = TRUE;
		text = end + 1;
	}
	return has_number;
}
