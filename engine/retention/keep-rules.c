/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keep-rules.h"

#include "errors.h"
#include "retention.h"

#include <string.h>

static const struct {
	const char *name, *key;
	VkPeriod period;
} counts[VK_KEEP_COUNTS] = {
	[VK_KEEP_LAST] = {"last", "keep_last", VK_PERIOD_NONE},
	[VK_KEEP_HOURLY] = {"hourly", "keep_hourly", VK_PERIOD_HOUR},
	[VK_KEEP_DAILY] = {"daily", "keep_daily", VK_PERIOD_DAY},
	[VK_KEEP_WEEKLY] = {"weekly", "keep_weekly", VK_PERIOD_WEEK},
	[VK_KEEP_MONTHLY] = {"monthly", "keep_monthly", VK_PERIOD_MONTH},
	[VK_KEEP_YEARLY] = {"yearly", "keep_yearly", VK_PERIOD_YEAR},
};

static const char *const other_keys[] = {"keep_within", "keep_min"};

void vk_keep_rules_free(VkKeepRules *rules)
{
	if (!rules)
		return;
	g_clear_pointer(&rules->labels, g_ptr_array_unref);
	g_free(rules);
}

const char *vk_keep_count_name(VkKeepCount count)
{
	return counts[count].name;
}

VkPeriod vk_keep_count_period(VkKeepCount count)
{
	return counts[count].period;
}

static gboolean add_labels(VkKeepRules *rules, const VkSettings *settings, GError **error)
{
	const char *text = vk_settings_get(settings, "array", "NTAP_SNAPSHOT_RETENTIONS");
	const char *no_delete = vk_settings_get(settings, "array", "NTAP_SNAPSHOT_NODELETE");

	rules->labels = vk_retentions_parse(text && *no_delete != 'Y' ? text : "", error);
	rules->age_days = vk_settings_get_uint(settings, "array", "NTAP_SNAPSHOT_RETENTION_AGE");
	return rules->labels != NULL;
}

VkKeepRules *vk_keep_rules_for_arrays(const VkSettings *settings, GError **error)
{
	g_autoptr(VkKeepRules) rules = g_new0(VkKeepRules, 1);

	return add_labels(rules, settings, error) ? g_steal_pointer(&rules) : NULL;
}

/* What is said of KEY for the guest, or for all. NULL: nothing. */
static const char *find(const VkSettings *settings, const char *name, const char *uuid,
			const char *key)
{
	const char *own = name ? vk_settings_get_guest(settings, name, uuid, key) : NULL;

	return own ? own : vk_settings_get(settings, "retention", key);
}

static guint64 find_number(const VkSettings *settings, const char *name, const char *uuid,
			   const char *key)
{
	const char *text = find(settings, name, uuid, key);

	return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static gboolean find_duration(const VkSettings *settings, const char *name, const char *uuid,
			      const char *key, VkDuration *ret, GError **error)
{
	const char *text = find(settings, name, uuid, key);

	*ret = (VkDuration){0};
	return !text || vk_duration_parse(text, ret, error);
}

static gboolean has_any(const VkKeepRules *rules)
{
	gboolean any = rules->min > 0 || rules->labels || !vk_duration_is_zero(&rules->within);

	for (VkKeepCount rule = 0; rule < VK_KEEP_COUNTS; rule++)
		any = any || rules->counts[rule] > 0;
	return any;
}

static guint64 number_in_job(const VkSettings *settings, const char *job, const char *key)
{
	const char *text = vk_settings_get_named(settings, "job", job, key);

	return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

VkKeepRules *vk_keep_rules_load(const VkSettings *settings, const char *name, const char *uuid,
				GError **error)
{
	g_autoptr(VkKeepRules) rules = g_new0(VkKeepRules, 1);

	for (VkKeepCount rule = 0; rule < VK_KEEP_COUNTS; rule++)
		rules->counts[rule] = find_number(settings, name, uuid, counts[rule].key);
	rules->min = find_number(settings, name, uuid, "keep_min");
	if (!find_duration(settings, name, uuid, "keep_within", &rules->within, error) ||
	    !find_duration(settings, name, uuid, "keep_gone", &rules->gone, error))
		return NULL;
	if (*vk_settings_get(settings, "retention", "snapcreator") == 'y' &&
	    !add_labels(rules, settings, error))
		return NULL;
	if (has_any(rules))
		return g_steal_pointer(&rules);
	vk_fail(error, VK_ERROR_USAGE,
		"the policy%s%s%s keeps nothing: write what to keep, such as keep_daily = 7, into "
		"[retention] of '%s'",
		name ? " of the guest '" : "", name ? name : "", name ? "'" : "",
		vk_settings_path(settings));
	return NULL;
}

VkKeepRules *vk_keep_rules_load_job(const VkSettings *settings, const char *job, const char *name,
				    const char *uuid, GError **error)
{
	g_autoptr(VkKeepRules) rules = g_new0(VkKeepRules, 1);
	const char *within = vk_settings_get_named(settings, "job", job, "keep_within");

	for (VkKeepCount rule = 0; rule < VK_KEEP_COUNTS; rule++)
		rules->counts[rule] = number_in_job(settings, job, counts[rule].key);
	rules->min = number_in_job(settings, job, "keep_min");
	if ((within && !vk_duration_parse(within, &rules->within, error)) ||
	    !find_duration(settings, name, uuid, "keep_gone", &rules->gone, error))
		return NULL;
	if (has_any(rules))
		return g_steal_pointer(&rules);
	vk_fail(error, VK_ERROR_USAGE,
		"the policy of the job '%s' keeps nothing: write what to keep, such as keep_daily "
		"= 7, into [job %s] of '%s'",
		job, job, vk_settings_path(settings));
	return NULL;
}

gboolean vk_keep_rules_are_in(const VkSettings *settings, const char *section)
{
	for (VkKeepCount rule = 0; rule < VK_KEEP_COUNTS; rule++)
		if (vk_settings_get(settings, section, counts[rule].key))
			return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(other_keys); i++)
		if (vk_settings_get(settings, section, other_keys[i]))
			return TRUE;
	/* A job does not say what becomes of guests that are gone. */
	return !g_str_has_prefix(section, "job ") &&
	       vk_settings_get(settings, section, "keep_gone");
}

GTimeZone *vk_keep_zone(const VkSettings *settings)
{
	const char *name = vk_settings_get(settings, "retention", "timezone");
	GTimeZone *zone = name ? g_time_zone_new_identifier(name) : NULL;

	/* The load has checked the name. */
	return zone ? zone : g_time_zone_new_local();
}
