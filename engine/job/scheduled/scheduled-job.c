/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scheduled-job.h"

#include "errors.h"
#include "suggest.h"

#define MINUTE_SEC 60

void vk_scheduled_job_free(VkScheduledJob *job)
{
	if (!job)
		return;
	g_free(job->name);
	vk_schedule_free(job->schedule);
	g_free(job);
}

static gboolean is_yes(const VkSettings *settings, const char *name, const char *key)
{
	return g_str_equal(vk_settings_get_named(settings, "job", name, key), "yes");
}

static gboolean check_name(const VkSettings *settings, const char *name, GError **error)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "job");
	VkSuggest *suggest = vk_suggest_new(name);
	g_autofree char *meant = NULL;
	gboolean found = FALSE;

	for (char **known = names; *known; known++) {
		found = found || g_str_equal(*known, name);
		vk_suggest_offer(suggest, *known);
	}
	meant = vk_suggest_end(suggest);
	return found || vk_fail(error, VK_ERROR_NOT_FOUND, "no job '%s': '%s' has no [job %s]%s",
				name, vk_settings_path(settings), name, meant);
}

VkScheduledJob *vk_scheduled_job_load(const VkSettings *settings, const char *name, GError **error)
{
	g_autoptr(VkScheduledJob) job = g_new0(VkScheduledJob, 1);
	const char *schedule, *window;

	if (!check_name(settings, name, error))
		return NULL;
	schedule = vk_settings_get_named(settings, "job", name, "schedule");
	window = vk_settings_get_named(settings, "job", name, "window");
	job->name = g_strdup(name);
	job->schedule = schedule ? vk_schedule_parse(schedule, error) : NULL;
	job->has_window = window != NULL;
	if ((schedule && !job->schedule) ||
	    (window && !vk_time_window_parse(window, &job->window, error)))
		return NULL;
	job->delay_sec =
		(guint)g_ascii_strtoull(
			vk_settings_get_named(settings, "job", name, "random_delay"), NULL, 10) *
		MINUTE_SEC;
	job->persistent = is_yes(settings, name, "persistent");
	job->enabled = is_yes(settings, name, "enabled");
	return g_steal_pointer(&job);
}

GPtrArray *vk_scheduled_jobs_load(const VkSettings *settings, char *const *names, GError **error)
{
	g_autoptr(GPtrArray) jobs =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_scheduled_job_free);
	g_auto(GStrv) all = vk_settings_get_names(settings, "job");

	for (char *const *name = *names ? names : all; *name; name++) {
		VkScheduledJob *job = vk_scheduled_job_load(settings, *name, error);

		if (!job)
			return NULL;
		g_ptr_array_add(jobs, job);
	}
	return g_steal_pointer(&jobs);
}

guint vk_scheduled_job_delay(const VkScheduledJob *job, const char *host)
{
	g_autofree char *text = g_strdup_printf("%s\n%s", host, job->name);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

	if (job->delay_sec == 0)
		return 0;
	sum[8] = '\0';
	return (guint)(g_ascii_strtoull(sum, NULL, 16) % job->delay_sec);
}
