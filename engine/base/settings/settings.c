/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings-priv.h"

#include "duration.h"
#include "errors.h"
#include "mapping.h"
#include "retention.h"
#include "schedule.h"
#include "time-window.h"
#include "user-defaults.h"

#include <string.h>

typedef enum {
	TYPE_TEXT, /* not empty */
	TYPE_WORDS,
	TYPE_TARGETS,     /* words: of disks */
	TYPE_MOUNTPOINTS, /* words: of a guest's file systems */
	TYPE_UINT,
	TYPE_CHOICE,
	TYPE_PATH,    /* absolute */
	TYPE_HTTPS,   /* a URL */
	TYPE_URL,     /* of a server that takes notices */
	TYPE_NOTICES, /* words: of notices */
	TYPE_VERSION, /* like 9.14.1 */
	TYPE_DURATION,
	TYPE_ZONE, /* of time: like Europe/Berlin */
	TYPE_SCHEDULE,
	TYPE_WINDOW,
	TYPE_SHARE, /* of a whole: like 1/7 */
	TYPE_POLICY,
	TYPE_RETENTIONS,
	TYPE_MAPPING,
} SettingType;

typedef struct {
	const char *group; /* "guest NAME": any section [guest ...] */
	const char *key;   /* "CMDnn": any from CMD01 to CMD99 */
	SettingType type;
	const char *value;   /* default */
	guint64 max, min;    /* of a whole number */
	const char *choices; /* separated by '|' */
	const char *alias;   /* the key of Snap Creator that means the same; nullable */
} Setting;

#define QUIESCE_MODES "auto|agent|suspend|none"
#define BACKUP_MODES  "vault|array|array+vault"
#define NOTIFY_KINDS  "mail|webhook|ntfy|gotify|ping|command"
#define KEEP_MAX      9999

/* virtkeep.conf(5) explains each; keep the two alike. */
static const Setting known_settings[] = {
	{"vault", "url", TYPE_TEXT, NULL},
	{"vault", "key_file", TYPE_PATH, NULL},
	{"vault", "key_command", TYPE_TEXT, NULL},
	{"vault", "s3_key_file", TYPE_PATH, NULL},
	{"vault", "s3_profile", TYPE_TEXT, NULL},
	{"vault", "s3_region", TYPE_TEXT, NULL},
	{"vault", "s3_ca_file", TYPE_PATH, NULL},
	{"vault", "s3_style", TYPE_CHOICE, "path", .choices = "path|host"},
	{"vault", "s3_uploads", TYPE_UINT, "4", 16, 1},
	{"vault", "state_dir", TYPE_PATH, "/var/lib/virtkeep/vaults"},
	{"cache", "dir", TYPE_PATH, NULL},
	{"cache", "size", TYPE_UINT, "4096", 1u << 20},
	{"vault NAME", "url", TYPE_TEXT, NULL},
	{"vault NAME", "key_file", TYPE_PATH, NULL},
	{"vault NAME", "key_command", TYPE_TEXT, NULL},
	{"vault NAME", "s3_key_file", TYPE_PATH, NULL},
	{"vault NAME", "s3_profile", TYPE_TEXT, NULL},
	{"vault NAME", "s3_region", TYPE_TEXT, NULL},
	{"vault NAME", "s3_ca_file", TYPE_PATH, NULL},
	{"vault NAME", "s3_style", TYPE_CHOICE, "path", .choices = "path|host"},
	{"vault NAME", "s3_uploads", TYPE_UINT, "4", 16, 1},
	{"libvirt", "uri", TYPE_TEXT, "qemu:///system"},
	{"backup", "quiesce", TYPE_CHOICE, "auto", .choices = QUIESCE_MODES},
	{"backup", "mode", TYPE_CHOICE, "vault", .choices = BACKUP_MODES},
	{"backup", "label", TYPE_POLICY, NULL},
	{"backup", "workers", TYPE_UINT, "0", 256},
	{"backup", "limit_rate", TYPE_UINT, "0", 65535},
	{"backup", "scratch_dir", TYPE_PATH, "/var/lib/virtkeep/scratch"},
	{"backup", "run_dir", TYPE_PATH, "/run/virtkeep"},
	{"backup", "agent_timeout", TYPE_UINT, "30", 3600, 1},
	{"backup", "pause_budget", TYPE_UINT, "5", 3600},
	{"backup", "parallel", TYPE_UINT, "4", 64, 1},
	{"backup", "hooks_dir", TYPE_PATH, "/etc/virtkeep/hooks.d"},
	{"backup", "hook_timeout", TYPE_UINT, "60", 3600, 1},
	{"backup", "operation_timeout", TYPE_UINT, "600", 86400, 1, .alias = "SC_AGENT_TIMEOUT"},
	{"backup", "KVM_CMD_RETRY_COUNT", TYPE_UINT, "3", 100},
	{"hooks", "PRE_APP_QUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_APP_QUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "PRE_NTAP_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "PRE_APP_UNQUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_APP_UNQUIESCE_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_NTAP_DATA_TRANSFER_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "POST_NTAP_CMDnn", TYPE_TEXT, NULL},
	{"hooks", "PRE_EXIT_CMDnn", TYPE_TEXT, NULL},
	{"retention", "keep_last", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_hourly", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_daily", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_weekly", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_monthly", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_yearly", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_within", TYPE_DURATION, NULL},
	{"retention", "keep_min", TYPE_UINT, NULL, KEEP_MAX},
	{"retention", "keep_gone", TYPE_DURATION, NULL},
	{"retention", "snapcreator", TYPE_CHOICE, "no", .choices = "yes|no"},
	{"retention", "timezone", TYPE_ZONE, NULL},
	{"history", "dir", TYPE_PATH, "/var/lib/virtkeep/history"},
	{"history", "keep", TYPE_DURATION, "2y"},
	{"metrics", "textfile", TYPE_PATH, NULL},
	{"jobs", "state_dir", TYPE_PATH, "/var/lib/virtkeep/jobs"},
	{"notify", "spool_dir", TYPE_PATH, "/var/lib/virtkeep/notify"},
	{"notify NAME", "kind", TYPE_CHOICE, "mail", .choices = NOTIFY_KINDS},
	{"notify NAME", "on", TYPE_NOTICES, "failure warning recovery"},
	{"notify NAME", "commands", TYPE_WORDS, NULL},
	{"notify NAME", "url", TYPE_URL, NULL},
	{"notify NAME", "user", TYPE_TEXT, NULL},
	{"notify NAME", "password_file", TYPE_PATH, NULL},
	{"notify NAME", "secret_file", TYPE_PATH, NULL},
	{"notify NAME", "ca_file", TYPE_PATH, NULL},
	{"notify NAME", "from", TYPE_TEXT, NULL},
	{"notify NAME", "to", TYPE_WORDS, NULL},
	{"notify NAME", "command", TYPE_TEXT, NULL},
	{"files", "appliance", TYPE_CHOICE, "auto", .choices = "auto|uml|qemu"},
	{"mount", "cache_mib", TYPE_UINT, "256", 1048576},
	{"restore", "shutdown_timeout", TYPE_UINT, "60", 86400},
	{"restore", "KVM_RESTORE_VM_LIST", TYPE_WORDS, NULL},
	{"restore", "APP_DEFINED_RESTORE", TYPE_CHOICE, "Y", .choices = "Y|N"},
	{"array", "NTAP_SNAPSHOT_RETENTIONS", TYPE_RETENTIONS, NULL},
	{"array", "NTAP_SNAPSHOT_RETENTION_AGE", TYPE_UINT, "0", 36500},
	{"array", "NTAP_SNAPSHOT_NODELETE", TYPE_CHOICE, "N", .choices = "Y|N"},
	{"array", "NTAP_SNAPMIRROR_UPDATE", TYPE_CHOICE, "N", .choices = "Y|N"},
	{"array", "NTAP_SNAPMIRROR_WAIT", TYPE_UINT, "0", 10080},
	{"array NAME", "driver", TYPE_CHOICE, VK_DRIVER_ONTAP, .choices = VK_DRIVER_ONTAP},
	{"array NAME", "url", TYPE_HTTPS, NULL},
	{"array NAME", "user", TYPE_TEXT, NULL},
	{"array NAME", "password_file", TYPE_PATH, NULL},
	{"array NAME", "ca_file", TYPE_PATH, NULL},
	{"array NAME", "insecure", TYPE_CHOICE, "no", .choices = "yes|no"},
	{"array NAME", "client_cert", TYPE_PATH, NULL},
	{"array NAME", "client_key", TYPE_PATH, NULL},
	{"array NAME", "svm", TYPE_TEXT, NULL},
	{"array NAME", "version", TYPE_VERSION, NULL},
	{"array NAME", "timeout", TYPE_UINT, "60", 3600, .alias = "NTAP_TIMEOUT"},
	{"host NAME", "KVM_VM_MAPPING", TYPE_MAPPING, NULL},
	{"host NAME", "KVM_VM_CONFIG_DIR", TYPE_PATH, "/etc/libvirt/qemu"},
	{"guest NAME", "skip", TYPE_CHOICE, NULL, .choices = "yes|no"},
	{"guest NAME", "mode", TYPE_CHOICE, NULL, .choices = BACKUP_MODES},
	{"guest NAME", "quiesce", TYPE_CHOICE, NULL, .choices = QUIESCE_MODES},
	{"guest NAME", "mountpoints", TYPE_MOUNTPOINTS, NULL},
	{"guest NAME", "freeze_hook", TYPE_CHOICE, NULL, .choices = "yes|no"},
	{"guest NAME", "exclude", TYPE_TARGETS, NULL},
	{"guest NAME", "tracking", TYPE_CHOICE, NULL, .choices = "yes|no"},
	{"guest NAME", "keep_last", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_hourly", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_daily", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_weekly", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_monthly", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_yearly", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_within", TYPE_DURATION, NULL},
	{"guest NAME", "keep_min", TYPE_UINT, NULL, KEEP_MAX},
	{"guest NAME", "keep_gone", TYPE_DURATION, NULL},
	{"job NAME", "guests", TYPE_WORDS, NULL},
	{"job NAME", "tags", TYPE_WORDS, NULL},
	{"job NAME", "exclude", TYPE_WORDS, NULL},
	{"job NAME", "schedule", TYPE_SCHEDULE, NULL},
	{"job NAME", "window", TYPE_WINDOW, NULL},
	{"job NAME", "random_delay", TYPE_UINT, "0", 1440},
	{"job NAME", "persistent", TYPE_CHOICE, "yes", .choices = "yes|no"},
	{"job NAME", "enabled", TYPE_CHOICE, "yes", .choices = "yes|no"},
	{"job NAME", "mode", TYPE_CHOICE, NULL, .choices = BACKUP_MODES},
	{"job NAME", "label", TYPE_POLICY, NULL},
	{"job NAME", "group", TYPE_CHOICE, "no", .choices = "yes|no"},
	{"job NAME", "quiesce", TYPE_CHOICE, NULL, .choices = QUIESCE_MODES},
	{"job NAME", "keep_last", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "keep_hourly", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "keep_daily", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "keep_weekly", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "keep_monthly", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "keep_yearly", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "keep_within", TYPE_DURATION, NULL},
	{"job NAME", "keep_min", TYPE_UINT, NULL, KEEP_MAX},
	{"job NAME", "replicate", TYPE_WORDS, NULL},
	{"job NAME", "verify_share", TYPE_SHARE, NULL},
};

gboolean vk_settings_is_group(const char *pattern, const char *group)
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

static gboolean is_known_group(const char *group)
{
	for (gsize i = 0; i < G_N_ELEMENTS(known_settings); i++)
		if (vk_settings_is_group(known_settings[i].group, group))
			return TRUE;
	return FALSE;
}

static gboolean is_key(const Setting *setting, const char *key)
{
	return vk_key_matches(setting->key, key) || g_strcmp0(setting->alias, key) == 0;
}

static const Setting *find_setting(const char *group, const char *key)
{
	for (gsize i = 0; i < G_N_ELEMENTS(known_settings); i++)
		if (vk_settings_is_group(known_settings[i].group, group) &&
		    is_key(&known_settings[i], key))
			return &known_settings[i];
	return NULL;
}

const char *vk_settings_key(const char *group, const char *key)
{
	const Setting *setting = key ? find_setting(group, key) : NULL;

	return setting && g_strcmp0(setting->alias, key) == 0 ? setting->key : key;
}

/* Units of systemd and files are named by it. */
static gboolean check_job(const char *group, GError **error)
{
	const char *name = group + strlen("job ");

	return (g_ascii_isalnum(*name) && vk_policy_check(name, NULL)) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "[%s]: a job's name takes 1 to 31 letters, digits, '.', '_' or '-', and "
		       "begins with a letter or digit",
		       group);
}

gboolean vk_settings_check_section(const char *group, GError **error)
{
	g_autoptr(GString) groups = g_string_new(NULL);

	if (is_known_group(group))
		return !vk_settings_is_group("job NAME", group) || check_job(group, error);
	for (gsize i = 0; i < G_N_ELEMENTS(known_settings); i++)
		if (i == 0 || !g_str_equal(known_settings[i].group, known_settings[i - 1].group))
			g_string_append_printf(groups, "%s[%s]", i == 0 ? "" : ", ",
					       known_settings[i].group);
	return vk_fail(error, VK_ERROR_USAGE, "[%s]: unknown section; the sections are %s", group,
		       groups->str);
}

static gboolean fail_unknown(const char *group, const char *key, GError **error)
{
	g_autoptr(GString) keys = g_string_new(NULL);

	if (!vk_settings_check_section(group, error))
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(known_settings); i++)
		if (vk_settings_is_group(known_settings[i].group, group))
			g_string_append_printf(keys, "%s%s", keys->len > 0 ? ", " : "",
					       known_settings[i].key);
	return vk_fail(error, VK_ERROR_USAGE, "[%s] %s: unknown setting; [%s] has %s", group, key,
		       group, keys->str);
}

char **vk_settings_split_words(const char *setting)
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

static gboolean check_uint(const Setting *setting, const char *value, GError **error)
{
	return g_ascii_string_to_unsigned(value, 10, setting->min, setting->max, NULL, NULL) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "must be a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
		       ", not '%s'",
		       setting->min, setting->max, value);
}

/* "'a', 'b' or 'c'" of "a|b|c". New string. */
static char *list_choices(const char *choices)
{
	g_auto(GStrv) words = g_strsplit(choices, "|", -1);
	guint count = g_strv_length(words);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < count; i++)
		g_string_append_printf(text, "%s'%s'",
				       i == 0           ? ""
				       : i + 1 == count ? " or "
							: ", ",
				       words[i]);
	return g_string_free(text, FALSE);
}

static gboolean check_choice(const Setting *setting, const char *value, GError **error)
{
	g_auto(GStrv) choices = g_strsplit(setting->choices, "|", -1);
	g_autofree char *text = list_choices(setting->choices);

	return g_strv_contains((const char *const *)choices, value) ||
	       vk_fail(error, VK_ERROR_USAGE, "must be %s, not '%s'", text, value);
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

static gboolean check_url(const char *value, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(value, G_URI_FLAGS_NONE, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	static const char *const schemes[] = {"https", "http", "smtp", "smtps", NULL};

	if (g_strv_contains(schemes, scheme) && g_uri_get_host(uri) && *g_uri_get_host(uri) &&
	    !g_uri_get_userinfo(uri) && !g_uri_get_fragment(uri))
		return TRUE;
	return vk_fail(error, VK_ERROR_USAGE,
		       "must be a URL of https, http, smtp or smtps, without a user in it");
}

static gboolean check_version(const char *value, GError **error)
{
	return g_regex_match_simple("^[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,2})?$", value, 0, 0) ||
	       vk_fail(error, VK_ERROR_USAGE, "must be like 9.14.1, not '%s'", value);
}

static gboolean check_zone(const char *value, GError **error)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(value);

	return zone || vk_fail(error, VK_ERROR_USAGE,
			       "must be a time zone like Europe/Berlin or UTC, not '%s'", value);
}

static gboolean check_schedule(const char *value, GError **error)
{
	g_autoptr(VkSchedule) schedule = vk_schedule_parse(value, error);

	return schedule != NULL;
}

static gboolean check_share(const char *value, GError **error)
{
	return g_regex_match_simple("^[1-9][0-9]{0,2}/[1-9][0-9]{0,2}$", value, 0, 0) ||
	       vk_fail(error, VK_ERROR_USAGE, "must be a fraction like 1/7, not '%s'", value);
}

static gboolean check_target(const char *word, GError **error)
{
	return g_regex_match_simple("^[A-Za-z0-9_:-]+$", word, 0, 0) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "must list targets of disks, for example 'vdb'; '%s' is not one", word);
}

/* A guest may have another system than Linux: "D:\\" is a file system of Windows. */
static gboolean check_mountpoint(const char *word, GError **error)
{
	return *word == '/' || (g_ascii_isalpha(word[0]) && word[1] == ':') ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "must list absolute paths of the guest's file systems; '%s' is not one",
		       word);
}

static gboolean check_words(const char *value, gboolean (*check)(const char *, GError **),
			    GError **error)
{
	g_auto(GStrv) words = vk_settings_split_words(value);

	for (char **word = words; *word; word++)
		if (!check(*word, error))
			return FALSE;
	return TRUE;
}

static gboolean check_notice(const char *word, GError **error)
{
	static const char *const words[] = {"failure", "warning", "recovery", "always", NULL};

	return g_strv_contains(words, word) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "must list failure, warning, recovery or always; '%s' is none", word);
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
		return *value || vk_fail(error, VK_ERROR_USAGE, "must not be empty");
	case TYPE_WORDS:
		return TRUE;
	case TYPE_TARGETS:
		return check_words(value, check_target, error);
	case TYPE_MOUNTPOINTS:
		return check_words(value, check_mountpoint, error);
	case TYPE_UINT:
		return check_uint(setting, value, error);
	case TYPE_CHOICE:
		return check_choice(setting, value, error);
	case TYPE_PATH:
		return check_path(value, error);
	case TYPE_HTTPS:
		return check_https(value, error);
	case TYPE_URL:
		return check_url(value, error);
	case TYPE_NOTICES:
		return check_words(value, check_notice, error);
	case TYPE_VERSION:
		return check_version(value, error);
	case TYPE_DURATION:
		return vk_duration_parse(value, &(VkDuration){0}, error);
	case TYPE_ZONE:
		return check_zone(value, error);
	case TYPE_SCHEDULE:
		return check_schedule(value, error);
	case TYPE_WINDOW:
		return vk_time_window_parse(value, &(VkTimeWindow){0}, error);
	case TYPE_SHARE:
		return check_share(value, error);
	case TYPE_POLICY:
		return vk_policy_check(value, error);
	case TYPE_RETENTIONS:
		return check_list(vk_retentions_parse(value, error));
	case TYPE_MAPPING:
		return check_list(vk_mappings_parse(value, error));
	}
	g_assert_not_reached();
}

gboolean vk_settings_check_value(const char *group, const char *key, const char *value,
				 GError **error)
{
	const Setting *setting = find_setting(group, key);

	g_assert(setting);
	return check_value(setting, value, error);
}

gboolean vk_settings_check(const char *group, const char *key, const char *value, GError **error)
{
	if (!find_setting(group, key))
		return fail_unknown(group, key, error);
	if (vk_settings_check_value(group, key, value, error))
		return TRUE;
	g_prefix_error(error, "[%s] %s: ", group, key);
	return FALSE;
}

const char *vk_settings_get(const VkSettings *settings, const char *group, const char *key)
{
	const Setting *setting = find_setting(group, key);
	g_autofree char *name = g_strdup_printf("%s.%s", group, vk_settings_key(group, key));
	const char *value = g_hash_table_lookup(settings->values, name);

	g_assert(setting);
	if (!value)
		value = vk_user_default(group, key);
	return value ? value : setting->value;
}

guint64 vk_settings_get_uint(const VkSettings *settings, const char *group, const char *key)
{
	return g_ascii_strtoull(vk_settings_get(settings, group, key), NULL, 10);
}
