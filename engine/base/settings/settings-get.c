/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of sections with names, of numbered keys, and of lists. */
#include "settings-priv.h"

#include <stdlib.h>
#include <string.h>

char **vk_settings_get_names(const VkSettings *settings, const char *kind)
{
	g_autofree char *pattern = g_strdup_printf("%s NAME", kind);
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();

	for (guint i = 0; i < settings->lines->len; i++) {
		const VkConfigLine *line = g_ptr_array_index(settings->lines, i);

		if (!line->key && vk_settings_is_group(pattern, line->section))
			g_strv_builder_add(names, line->section + strlen(kind) + 1);
	}
	return g_strv_builder_end(names);
}

const char *vk_settings_get_named(const VkSettings *settings, const char *kind, const char *name,
				  const char *key)
{
	g_autofree char *group = g_strdup_printf("%s %s", kind, name);

	return vk_settings_get(settings, group, key);
}

static gint compare_keys(gconstpointer left, gconstpointer right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

char **vk_settings_get_numbered(const VkSettings *settings, const char *group, const char *pattern)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	char **found;

	for (guint i = 0; i < settings->lines->len; i++) {
		const VkConfigLine *line = g_ptr_array_index(settings->lines, i);

		if (line->key && g_str_equal(line->section, group) &&
		    vk_key_matches(pattern, line->key))
			g_strv_builder_add(builder, line->key);
	}
	found = g_strv_builder_end(builder);
	qsort(found, g_strv_length(found), sizeof(*found), compare_keys);
	return found;
}

char *vk_settings_find_host(const VkSettings *settings, const char *hostname)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "host");
	g_autofree char *first = g_strndup(hostname, strcspn(hostname, "."));

	if (g_strv_contains((const char *const *)names, hostname))
		return g_strdup(hostname);
	return g_strv_contains((const char *const *)names, first) ? g_steal_pointer(&first) : NULL;
}

char **vk_settings_get_words(const VkSettings *settings, const char *group, const char *key)
{
	return vk_settings_split_words(vk_settings_get(settings, group, key));
}

const char *vk_settings_get_guest(const VkSettings *settings, const char *name, const char *uuid,
				  const char *key)
{
	const char *value = vk_settings_get_named(settings, "guest", uuid, key);

	return value ? value : vk_settings_get_named(settings, "guest", name, key);
}

char **vk_settings_get_guest_words(const VkSettings *settings, const char *name, const char *uuid,
				   const char *key)
{
	return vk_settings_split_words(vk_settings_get_guest(settings, name, uuid, key));
}
