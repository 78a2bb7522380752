/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "location.h"

#include "errors.h"

#include <string.h>

/*
 * The ':' in front of a volume within TEXT, or NULL. A time of day has digits behind its ':', a
 * volume begins with a letter.
 */
static const char *find_volume(const char *text, gsize length)
{
	const char *colon = g_strrstr_len(text, (gssize)length, ":");

	return colon && colon + 1 < text + length && g_ascii_isalpha(colon[1]) ? colon : NULL;
}

gboolean vk_location_parse(const char *text, VkLocation *ret, GError **error)
{
	const char *path = strstr(text, ":/");
	gsize length = path ? (gsize)(path - text) : strlen(text);
	const char *volume = path ? find_volume(text, length) : NULL;
	gsize snapshot = volume ? (gsize)(volume - text) : length;

	if (snapshot == 0)
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' names no snapshot: write GUEST@TIME:/PATH", text);
	*ret = (VkLocation){
		.snapshot = g_strndup(text, snapshot),
		.volume = volume ? g_strndup(volume + 1, length - snapshot - 1) : NULL,
		.path = g_strdup(path ? path + 1 : "/"),
	};
	return TRUE;
}

void vk_location_clear(VkLocation *location)
{
	g_clear_pointer(&location->snapshot, g_free);
	g_clear_pointer(&location->volume, g_free);
	g_clear_pointer(&location->path, g_free);
}

char *vk_location_directory(const VkLocation *location)
{
	gsize length = strlen(location->path);
	g_autofree char *path = NULL;

	while (length > 1 && location->path[length - 1] == '/')
		length--;
	path = g_strndup(location->path, length);
	return g_path_get_dirname(path);
}

static void location_free(gpointer data)
{
	vk_location_clear(data);
	g_free(data);
}

GPtrArray *vk_locations_parse(char **words, guint count, GError **error)
{
	g_autoptr(GPtrArray) locations = g_ptr_array_new_with_free_func(location_free);

	for (guint i = 0; i < count; i++) {
		VkLocation *location = g_new0(VkLocation, 1);

		g_ptr_array_add(locations, location);
		if (!vk_location_parse(words[i], location, error))
			return NULL;
	}
	return g_steal_pointer(&locations);
}
