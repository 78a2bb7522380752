/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry-filter.h"

#include "duration.h"
#include "errors.h"
#include "when.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

gboolean vk_entry_filter_set_type(VkEntryFilter *filter, const char *text, GError **error)
{
	static const struct {
		const char *name;
		guint32 type;
	} types[] = {{"f", S_IFREG}, {"d", S_IFDIR}, {"l", S_IFLNK}};

	for (gsize i = 0; text && i < G_N_ELEMENTS(types); i++)
		if (strcmp(types[i].name, text) == 0) {
			filter->type = types[i].type;
			return TRUE;
		}
	return !text || vk_fail(error, VK_ERROR_USAGE,
				"--type must be f (files), d (directories) or l (symbolic links), "
				"not '%s'",
				text);
}

gboolean vk_entry_filter_set_larger(VkEntryFilter *filter, const char *text, GError **error)
{
	static const char units[] = "KMGT";
	gsize length = text ? strlen(text) : 0;
	const char *unit = length > 1 ? strchr(units, g_ascii_toupper(text[length - 1])) : NULL;
	guint shift = unit ? 10 * (guint)(unit - units + 1) : 0;
	g_autofree char *digits = g_strndup(text, unit ? length - 1 : length);
	guint64 number;

	if (!text)
		return TRUE;
	if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64 >> shift, &number, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' is no size: write 200, 64K, 1M, 2G or 1T", text);
	filter->has_larger = TRUE;
	filter->larger = number << shift;
	return TRUE;
}

gboolean vk_entry_filter_set_newer(VkEntryFilter *filter, const char *text, gint64 now,
				   GError **error)
{
	VkDuration age;
	VkWhen when;

	if (!text)
		return TRUE;
	if (vk_duration_parse(text, &age, NULL)) {
		g_autoptr(GTimeZone) zone = g_time_zone_new_local();

		filter->newer = vk_duration_before(&age, now, zone);
		return TRUE;
	}
	if (!vk_when_parse_moment(text, now, &when, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' is no time: write an age like 2d or 12h, or " VK_WHEN_FORMS,
			       text);
	filter->newer = when.first;
	return TRUE;
}

gboolean vk_entry_filter_wants(const VkEntryFilter *filter, const VkEntry *entry, const char *path)
{
	g_autofree char *name = filter->glob ? g_path_get_basename(path) : NULL;

	return (!filter->type || (entry->mode & S_IFMT) == filter->type) &&
	       (!filter->has_larger || (S_ISREG(entry->mode) && entry->size > filter->larger)) &&
	       entry->mtime_sec >= filter->newer && (!name || fnmatch(filter->glob, name, 0) == 0);
}
