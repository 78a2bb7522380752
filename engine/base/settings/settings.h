/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settings: the configuration file, the environment and the built-in defaults behind the command
 * line. Every key is in the table of settings.c with its default. A file is refused if it has an
 * unknown group or key, one of them twice, or an invalid value: nothing that the user wrote there
 * may be ignored. Immutable once loaded. Threads: free.
 */
#pragma once

#include <glib.h>

#define VK_SETTINGS_DEFAULT_PATH "/etc/virtkeep/virtkeep.conf"

/* What "driver" of a section [array NAME] can be: the names of the drivers. */
#define VK_DRIVER_ONTAP "ontap"

typedef struct VkSettings VkSettings;

/*
 * Loads PATH, or with NULL the default path if it exists. VK_ERROR_USAGE for a file that is not
 * understood, VK_ERROR_NOT_FOUND for a named file that is not there.
 */
VkSettings *vk_settings_load(const char *path, GError **error);
void vk_settings_free(VkSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSettings, vk_settings_free)

/* Likewise from LENGTH bytes of TEXT; PATH is for the errors and for vk_settings_path(). */
VkSettings *vk_settings_parse(const char *text, gsize length, const char *path, GError **error);

/* Something that is wrong in a file. */
typedef struct VkSettingsProblem {
	guint line;    /* from 1; 0: the file does not say */
	char *section; /* NULL: before any */
	char *key;     /* NULL: it is the section, or the line cannot be read */
	char *text;    /* in words, with section and key, and what is allowed */
} VkSettingsProblem;

/*
 * A problem of a loaded file. It finds the line, or 0, and puts SECTION and KEY (nullable) before
 * TEXT. SECTION is NULL for what does not come from the file.
 */
VkSettingsProblem *vk_settings_problem_new(const VkSettings *settings, const char *section,
					   const char *key, const char *text);
void vk_settings_problem_free(VkSettingsProblem *problem);

/*
 * All that is wrong in the file PATH, or with NULL in that of the default path if it exists.
 * Returns VkSettingsProblem*, owned by the array; NULL when the file cannot be read.
 */
GPtrArray *vk_settings_examine(const char *path, GError **error);

/* The file that was read, or would have been. Borrowed. */
const char *vk_settings_path(const VkSettings *settings);

/* VK_ERROR_USAGE says why a file may not have this VALUE, or that the setting does not exist. */
gboolean vk_settings_check(const char *group, const char *key, const char *value, GError **error);

/* Likewise for a setting that there is, without its name before the error: an option's value. */
gboolean vk_settings_check_value(const char *group, const char *key, const char *value,
				 GError **error);

/* The value of [GROUP] KEY, or its default; NULL when it has neither. Borrowed. */
const char *vk_settings_get(const VkSettings *settings, const char *group, const char *key);

/*
 * The key that the file writes for [GROUP] KEY: some have an alias, the key of Snap Creator that
 * means the same. KEY if the file does not set it. For messages. Borrowed.
 */
const char *vk_settings_written_key(const VkSettings *settings, const char *group, const char *key);

/* Like vk_settings_get() for a whole number. The values were checked by the load. */
guint64 vk_settings_get_uint(const VkSettings *settings, const char *group, const char *key);

/*
 * Sections [KIND NAME], as [array NAME] and [host NAME]: the NAMEs of a KIND in the order of the
 * file, free with g_strfreev(); and the value in one of them, as vk_settings_get().
 */
char **vk_settings_get_names(const VkSettings *settings, const char *kind);
const char *vk_settings_get_named(const VkSettings *settings, const char *kind, const char *name,
				  const char *key);

/*
 * The NAME of the section [host NAME] that is for HOSTNAME, with or without its domain. NULL: none.
 */
char *vk_settings_find_host(const VkSettings *settings, const char *hostname);

/* Keys of a group that match a PATTERN like "PRE_EXIT_CMDnn", by number. g_strfreev(). */
char **vk_settings_get_numbered(const VkSettings *settings, const char *group, const char *pattern);

/* TRUE when KEY is PATTERN, whose "nn" at the end stands for 01 to 99. */
gboolean vk_key_matches(const char *pattern, const char *key);

/*
 * The words of a list. A list with a ';' or a line break is separated by these only, so its words
 * may have spaces and commas. Any other list is separated by white space and commas. Free with
 * g_strfreev().
 */
char **vk_settings_get_words(const VkSettings *settings, const char *group, const char *key);

/*
 * The value of KEY for one guest, from its section [guest UUID], else [guest NAME]; NULL when
 * neither says. The words of it, as above.
 */
const char *vk_settings_get_guest(const VkSettings *settings, const char *name, const char *uuid,
				  const char *key);
char **vk_settings_get_guest_words(const VkSettings *settings, const char *name, const char *uuid,
				   const char *key);
