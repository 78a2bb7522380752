/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include "errors.h"
#include "mapping.h"
#include "retention.h"

#include <string.h>

typedef enum {
	TYPE_TEXT,
	TYPE_UINT,
	TYPE_CHOICE,
	TYPE_PATH,  /* absolute */
	TYPE_HTTPS, /* a URL */
	TYPE_POLICY,
	TYPE_RETENTIONS,
	TYPE_MAPPING,
} SettingType;

typedef struct {
	const char *group; /* "guest NAME": any section [guest ...] */
	const char *key;   /* "CMDnn": any from CMD01 to CMD99 */
	SettingType type;
	const char *value;   /* default */
	guint64 max;         /* of a whole number */
	const char *choices; /* separated by '|' */
} Setting;

/* virtkeep.conf(5) explains each; keep the two alike. */
static const Setting known_settings[] = {
	{"vault", "url", TYPE_TEXT, NULL},
	{"libvirt", "uri", TYPE_TEXT, "qemu:///system"},
	{"backup", "quiesce", TYPE_TEXT, "auto"},
	{"backup", "mode", TYPE_CHOICE, "vault", .choices = "vault|array|array+vault"},
	{"backup", "label", TYPE_POLICY, NULL},
	{"backup", "workers", TYPE_UINT, "0", 256},
	{"backup", "limit_rate", TYPE_UINT, "0", 65535},
	{"backup", "scratch_dir", TYPE_TEXT, "/var/lib/virtkeep/scratch"},
	{"backup", "run_dir", TYPE_TEXT, "/run/virtkeep"},
	{"backup", "agent_timeout", TYPE_UINT, "30", 3600},
	{"backup", "pause_budget", TYPE_UINT, "5", 3600},
	{"backup", "parallel", TYPE_UINT, "4", 64},
	{"backup", "hooks_dir", TYPE_TEXT, "/etc/virtkeep/hooks.d"},
	{"backup", "hook_timeout", TYPE_UINT, "60", 3600},
	{"backup", "KVM_CMD_RETRY_COUNT", TYPE_UINT, "3", 100},
	{"backup", "SC_AGENT_TIMEOUT", TYPE_UINT, "600", 86400},
	{"hooks", "PRE_APP_QUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_APP_QUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "PRE_NTAP_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "PRE_APP_UNQUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_APP_UNQUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_NTAP_DATA_TRANSFER_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_NTAP_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "PRE_EXIT_CMDnn", TYPE_TEXT, NULL},
	{"mount", "cache_mib", TYPE_UINT, "256", 1048576},
	{"restore", "shutdown_timeout", TYPE_UINT, "60", 86400},
	{"restore", "KVM_RESTORE_VM_LIST", TYPE_TEXT, NULL},
	{"restore", "APP_DEFINED_RESTORE", TYPE_CHOICE, "Y", .choices = "Y|N"},
	{"array", "NTAP_SNAPSHOT_RETENTIONS", TYPE_RETENTIONS, NULL},
	{"array", "NTAP_SNAPSHOT_RETENTION_AGE", TYPE_UINT, "0", 36500},
	{"array", "NTAP_SNAPSHOT_NODELETE", TYPE_CHOICE, "N", .choices = "Y|N"},
	{"array", "NTAP_SNAPMIRROR_UPDATE", TYPE_CHOICE, "N", .choices = "Y|N"},
	{"array", "NTAP_SNAPMIRROR_WAIT", TYPE_UINT, "0", 10080},
	{"array NAME", "driver", TYPE_CHOICE, "ontap", .choices = "ontap"},
	{"array NAME", "url", TYPE_HTTPS, NULL},
	{"array NAME", "user", TYPE_TEXT, NULL},
	{"array NAME", "password_file", TYPE_PATH, NULL},
	{"array NAME", "ca_file", TYPE_PATH, NULL},
	{"array NAME", "insecure", TYPE_CHOICE, "no", .choices = "yes|no"},
	{"array NAME", "client_cert", TYPE_PATH, NULL},
	{"array NAME", "client_key", TYPE_PATH, NULL},
	{"array NAME", "svm", TYPE_TEXT, NULL},
	{"array NAME", "version", TYPE_TEXT, NULL},
	{"array NAME", "NTAP_TIMEOUT", TYPE_UINT, "60", 3600},
	{"host NAME", "KVM_VM_MAPPING", TYPE_MAPPING, NULL},
	{"host NAME", "KVM_VM_CONFIG_DIR", TYPE_PATH, "/etc/libvirt/qemu"},
	{"guest NAME", "mode", TYPE_CHOICE, NULL, .choices = "vault|array|array+vault"},
	{"guest NAME", "quiesce", TYPE_TEXT, NULL},
	{"guest NAME", "mountpoints", TYPE_TEXT, NULL},
	{"guest NAME", "freeze_hook", TYPE_CHOICE, NULL, .choices = "yes|no"},
	{"guest NAME", "exclude", TYPE_TEXT, NULL},
};

struct VkSettings {
	char *path;
	GKeyFile *file;
	GHashTable *values; /* "group.key" -> value from the file, both owned */
};

/* [guest NAME] stands for each [guest ...] that names one. */
static gboolean is_group(const char *pattern, const char *group)
{
	const char *name = strstr(pattern, " NAME");
	gsize length = name ? (gsize)(name - pattern) + 1 : 0;

	if (!name)
		return strcmp(pattern, group) == 0;
	return strncmp(pattern, group, length) == 0 && group[length];
}

gboolean vk_key_matches(const char *pattern, const char *key)
{
	gsize length = strlen(pattern) - strlen("nn");

	if (!g_str_has_suffix(pattern, "nn"))
		return strcmp(pattern, key) == 0;
	return strncmp(pattern, key, length) == 0 && strlen(key) == length + 2 &&
	       g_ascii_isdigit(key[length]) && g_ascii_isdigit(key[length + 1]) &&
	       strcmp(key + length, "00") != 0;
}

static const Setting *find_setting(const char *group, const char *key)
{
	for (gsize i = 0; i < G_N_ELEMENTS(known_settings); i++)
		if (is_group(known_settings[i].group, group) &&
		    vk_key_matches(known_settings[i].key, key))
			return &known_settings[i];
	return NULL;
}

static gboolean check_uint(const Setting *setting, const char *value, GError **error)
{
	return g_ascii_string_to_unsigned(value, 10, 0, setting->max, NULL, NULL) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "must be a whole number up to %" G_GUINT64_FORMAT ", not '%s'", setting->max,
		       value);
}

static gboolean check_choice(const Setting *setting, const char *value, GError **error)
{
	g_auto(GStrv) choices = g_strsplit(setting->choices, "|", -1);
	g_autofree char *text = g_strjoinv("' or '", choices);

	return g_strv_contains((const char *const *)choices, value) ||
	       vk_fail(error, VK_ERROR_USAGE, "must be '%s', not '%s'", text, value);
}

static gboolean check_path(const char *value, GError **error)
{
	return g_path_is_absolute(value) ||
	       vk_fail(error, VK_ERROR_USAGE, "must be an absolute path, not '%s'", value);
}

static gboolean check_https(const char *value, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(value, G_URI_FLAGS_NONE, NULL);

	if (uri && g_str_equal(g_uri_get_scheme(uri), "https") && g_uri_get_host(uri) &&
	    *g_uri_get_host(uri) && !g_uri_get_userinfo(uri))
		return TRUE;
	return vk_fail(error, VK_ERROR_USAGE,
		       "must be a URL like 'https://cluster1', without a user in it");
}

static gboolean check_list(GPtrArray *list)
{
	if (list)
		g_ptr_array_unref(list);
	return list != NULL;
}

static gboolean check_value(const Setting *setting, const char *value, GError **error)
{
	switch (setting->type) {
	case TYPE_TEXT:
		return TRUE;
	case TYPE_UINT:
		return check_uint(setting, value, error);
	case TYPE_CHOICE:
		return check_choice(setting, value, error);
	case TYPE_PATH:
		return check_path(value, error);
	case TYPE_HTTPS:
		return check_https(value, error);
	case TYPE_POLICY:
		return vk_policy_check(value, error);
	case TYPE_RETENTIONS:
		return check_list(vk_retentions_parse(value, error));
	case TYPE_MAPPING:
		return check_list(vk_mappings_parse(value, error));
	}
	g_assert_not_reached();
}

gboolean vk_settings_check(const char *group, const char *key, const char *value, GError **error)
{
	const Setting *setting = find_setting(group, key);

	if (!setting)
		return vk_fail(error, VK_ERROR_USAGE, "no such setting: [%s] %s", group, key);
	if (check_value(setting, value, error))
		return TRUE;
	g_prefix_error(error, "[%s] %s: ", group, key);
	return FALSE;
}

static gboolean take_key(VkSettings *settings, const char *group, const char *key, GError **error)
{
	g_autofree char *value = g_key_file_get_string(settings->file, group, key, NULL);

	if (!value && find_setting(group, key))
		return vk_fail(error, VK_ERROR_USAGE, "'%s': [%s] %s is not valid text",
			       settings->path, group, key);
	if (!vk_settings_check(group, key, value ? g_strstrip(value) : "", error)) {
		g_prefix_error(error, "'%s': ", settings->path);
		return FALSE;
	}
	g_hash_table_insert(settings->values, g_strdup_printf("%s.%s", group, key),
			    g_steal_pointer(&value));
	return TRUE;
}

static gboolean take_file(VkSettings *settings, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(settings->file, NULL);

	for (char **group = groups; *group; group++) {
		g_auto(GStrv) keys = g_key_file_get_keys(settings->file, *group, NULL, error);

		if (!keys)
			return FALSE;
		for (char **key = keys; *key; key++)
			if (!take_key(settings, *group, *key, error))
				return FALSE;
	}
	return TRUE;
}

static VkSettings *settings_new(const char *path)
{
	VkSettings *settings = g_new0(VkSettings, 1);

	settings->path = g_strdup(path);
	settings->file = g_key_file_new();
	settings->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return settings;
}

static gboolean fail_read(const char *path, const GError *trouble, GError **error)
{
	return vk_fail(error, trouble->domain == G_FILE_ERROR ? VK_ERROR_NOT_FOUND : VK_ERROR_USAGE,
		       "cannot read the configuration '%s': %s", path, trouble->message);
}

VkSettings *vk_settings_parse(const char *text, gsize length, const char *path, GError **error)
{
	g_autoptr(VkSettings) settings = settings_new(path);
	g_autoptr(GError) trouble = NULL;

	if (!g_key_file_load_from_data(settings->file, text, length, G_KEY_FILE_NONE, &trouble)) {
		fail_read(path, trouble, error);
		return NULL;
	}
	return take_file(settings, error) ? g_steal_pointer(&settings) : NULL;
}

VkSettings *vk_settings_load(const char *path, GError **error)
{
	const char *name = path ? path : VK_SETTINGS_DEFAULT_PATH;
	g_autoptr(GError) trouble = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (g_file_get_contents(name, &text, &length, &trouble))
		return vk_settings_parse(text, length, name, error);
	if (!path && g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		return settings_new(name);
	fail_read(name, trouble, error);
	return NULL;
}

void vk_settings_free(VkSettings *settings)
{
	if (!settings)
		return;
	g_clear_pointer(&settings->path, g_free);
	g_clear_pointer(&settings->file, g_key_file_free);
	g_clear_pointer(&settings->values, g_hash_table_unref);
	g_free(settings);
}

const char *vk_settings_path(const VkSettings *settings)
{
	return settings->path;
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

char **vk_settings_get_names(const VkSettings *settings, const char *kind)
{
	g_autofree char *pattern = g_strdup_printf("%s NAME", kind);
	g_auto(GStrv) groups = g_key_file_get_groups(settings->file, NULL);
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();

	for (char **group = groups; *group; group++)
		if (is_group(pattern, *group))
			g_strv_builder_add(names, *group + strlen(kind) + 1);
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
	g_auto(GStrv) keys = g_key_file_get_keys(settings->file, group, NULL, NULL);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	char **found;

	for (char **key = keys; key && *key; key++)
		if (vk_key_matches(pattern, *key))
			g_strv_builder_add(builder, *key);
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

static char **split_words(const char *setting)
{
	const char *value = setting ? setting : "";
	/* Guests' names may have spaces and commas; Snap Creator separates them by commas. */
	const char *separators = strpbrk(value, ";\n") ? ";\n" : " \t,";
	g_auto(GStrv) parts = g_strsplit_set(value, separators, -1);
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();

	for (char **part = parts; *part; part++)
		if (*g_strstrip(*part))
			g_strv_builder_add(words, *part);
	return g_strv_builder_end(words);
}

char **vk_settings_get_words(const VkSettings *settings, const char *group, const char *key)
{
	return split_words(vk_settings_get(settings, group, key));
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
	return split_words(vk_settings_get_guest(settings, name, uuid, key));
}
