/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the settings share. Threads: one at a time.
 */
#pragma once

#include "config-lines.h"
#include "settings.h"

/* No configuration is larger. */
#define VK_SETTINGS_BYTES_MAX (1 << 20)

struct VkSettings {
	char *path;
	GPtrArray *lines; /* VkConfigLine */
	GHashTable
		*values; /* "group.key" by vk_settings_key() -> value from the file, keys owned */
};

/* KEY (nullable), or the key that it is the alias of. Borrowed. */
const char *vk_settings_key(const char *group, const char *key);

/* FALSE with the sections that there are when the file may not have this one. */
gboolean vk_settings_check_section(const char *section, GError **error);

/* Whether GROUP fits PATTERN: "guest NAME" stands for each [guest ...] that names one. */
gboolean vk_settings_is_group(const char *pattern, const char *group);

/* The words of a list, as vk_settings_get_words() has them; none for NULL. */
char **vk_settings_split_words(const char *setting);
