/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include "errors.h"

#include <string.h>

typedef enum { TYPE_TEXT, TYPE_UINT, TYPE_YES_NO } SettingType;

typedef struct {
	const char *group;
	const char *key;
	SettingType type;
	const char *value; /* default */
	guint64 max;       /* of a whole number */
} Setting;

/* virtkeep.conf(5) explains each; keep the two alike. */
static const Setting known_settings[] = {
	{"vault", "url", TYPE_TEXT, NULL},
	{"libvirt", "uri", TYPE_TEXT, "qemu:///system"},
	{"backup", "quiesce", TYPE_TEXT, "auto"},
	{"backup", "mode", TYPE_TEXT, "vault"},
	{"backup", "label", TYPE_TEXT, NULL},
	{"backup", "workers", TYPE_UINT, "0", 256},
	{"backup", "scratch_dir", TYPE_TEXT, "/var/lib/virtkeep/scratch"},
	{"backup", "run_dir", TYPE_TEXT, "/run/virtkeep"},
	{"backup", "agent_timeout", TYPE_UINT, "30", 3600},
	{"backup", "pause_budget", TYPE_UINT, "5", 3600},
	{"backup", "parallel", TYPE_UINT, "4", 64},
	{"backup", "hooks_dir", TYPE_TEXT, "/etc/virtkeep/hooks.d"},
	{"backup", "hook_timeout", TYPE_UINT, "60", 3600},
	{"backup", "KVM_CMD_RETRY_COUNT", TYPE_UINT, "3", 100},
	{"backup", "SC_AGENT_TIMEOUT", TYPE_UINT, "600", 86400},
	{"mount", "cache_mib", TYPE_UINT, "256", 1048576},
	{"restore", "shutdown_timeout", TYPE_UINT, "60", 86400},
	{"restore", "KVM_RESTORE_VM_LIST", TYPE_TEXT, NULL},
};

/* Sections [guest NAME] hold what differs for one guest. */
#define GUEST_PREFIX "guest "

static const Setting guest_settings[] = {
	{"guest", "mode", TYPE_TEXT},
	{"guest", "quiesce", TYPE_TEXT},
	{"guest", "mountpoints", TYPE_TEXT},
	{"guest", "freeze_hook", TYPE_YES_NO},
	{"guest", "exclude", TYPE_TEXT},
};

struct VkSettings {
	GKeyFile *file;
	GHashTable *values; /* "group.key" -> value from the file, both owned */
};

static const Setting *find_setting(const char *group, const char *key)
{
	if (g_str_has_prefix(group, GUEST_PREFIX)) {
		for (gsize i = 0; i < G_N_ELEMENTS(guest_settings); i++)
			if (strcmp(guest_settings[i].key, key) == 0)
				return &guest_settings[i];
		return NULL;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(known_settings); i++)
		if (strcmp(known_settings[i].group, group) == 0 &&
		    strcmp(known_settings[i].key, key) == 0)
			return &known_settings[i];
	return NULL;
}

static gboolean take_key(VkSettings *settings, const char *path, const char *group, const char *key,
			 GError **error)
{
	const Setting *setting = find_setting(group, key);
	g_autofree char *value = g_key_file_get_string(settings->file, group, key, NULL);

	if (!setting)
		return vk_fail(error, VK_ERROR_USAGE, "'%s': no such setting: [%s] %s", path, group,
			       key);
	if (!value)
		return vk_fail(error, VK_ERROR_USAGE, "'%s': [%s] %s is not valid text", path,
			       group, key);
	g_strstrip(value);
	if (setting->type == TYPE_UINT &&
	    !g_ascii_string_to_unsigned(value, 10, 0, setting->max, NULL, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s': [%s] %s must be a whole number up to %" G_GUINT64_FORMAT
			       ", not '%s'",
			       path, group, key, setting->max, value);
	if (setting->type == TYPE_YES_NO && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s': [%s] %s must be 'yes' or 'no', not '%s'", path, group, key,
			       value);
	g_hash_table_insert(settings->values, g_strdup_printf("%s.%s", group, key),
			    g_steal_pointer(&value));
	return TRUE;
}

static gboolean take_file(VkSettings *settings, const char *path, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(settings->file, NULL);

	for (char **group = groups; *group; group++) {
		g_auto(GStrv) keys = g_key_file_get_keys(settings->file, *group, NULL, error);

		if (!keys)
			return FALSE;
		for (char **key = keys; *key; key++)
			if (!take_key(settings, path, *group, *key, error))
				return FALSE;
	}
	return TRUE;
}

VkSettings *vk_settings_load(const char *path, GError **error)
{
	g_autoptr(VkSettings) settings = g_new0(VkSettings, 1);
	g_autoptr(GError) trouble = NULL;

	settings->file = g_key_file_new();
	settings->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (g_key_file_load_from_file(settings->file, path ? path : VK_SETTINGS_DEFAULT_PATH,
				      G_KEY_FILE_NONE, &trouble)) {
		if (!take_file(settings, path ? path : VK_SETTINGS_DEFAULT_PATH, error))
			return NULL;
	} else if (!path && g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		return g_steal_pointer(&settings);
	} else {
		vk_fail(error,
			trouble->domain == G_FILE_ERROR ? VK_ERROR_NOT_FOUND : VK_ERROR_USAGE,
			"cannot read the configuration '%s': %s",
			path ? path : VK_SETTINGS_DEFAULT_PATH, trouble->message);
		return NULL;
	}
	return g_steal_pointer(&settings);
}

void vk_settings_free(VkSettings *settings)
{
	if (!settings)
		return;
	g_clear_pointer(&settings->file, g_key_file_free);
	g_clear_pointer(&settings->values, g_hash_table_unref);
	g_free(settings);
}

const char *vk_settings_get(const VkSettings *settings, const char *group, const char *key)
{
	const Setting *setting = find_setting(group, key);
	g_autofree char *name = g_strdup_printf("%s.%s", group, key);
	const char *value = g_hash_table_lookup(settings->values, name);

	g_assert(setting);
	return value ? value : setting->value;
}

guint64 vk_settings_get_uint(const VkSettings *settings, const char *group, const char *key)
{
	return g_ascii_strtoull(vk_settings_get(settings, group, key), NULL, 10);
}

static char **split_words(const char *setting)
{
	const char *value = setting ? setting : "";
	/* Guests' names may have spaces. */
	const char *separators = strpbrk(value, ";\n") ? ";\n" : " \t";
	g_auto(GStrv) parts = g_strsplit_set(value, separators, -1);
	GStrvBuilder *words = g_strv_builder_new();
	char **result;

	for (char **part = parts; *part; part++)
		if (*g_strstrip(*part))
			g_strv_builder_add(words, *part);
	result = g_strv_builder_end(words);
	g_strv_builder_unref(words);
	return result;
}

char **vk_settings_get_words(const VkSettings *settings, const char *group, const char *key)
{
	return split_words(vk_settings_get(settings, group, key));
}

const char *vk_settings_get_guest(const VkSettings *settings, const char *name, const char *uuid,
				  const char *key)
{
	g_autofree char *by_uuid = g_strdup_printf(GUEST_PREFIX "%s.%s", uuid, key);
	g_autofree char *by_name = g_strdup_printf(GUEST_PREFIX "%s.%s", name, key);
	const char *value = g_hash_table_lookup(settings->values, by_uuid);

	return value ? value : g_hash_table_lookup(settings->values, by_name);
}

char **vk_settings_get_guest_words(const VkSettings *settings, const char *name, const char *uuid,
				   const char *key)
{
	return split_words(vk_settings_get_guest(settings, name, uuid, key));
}
