/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report-jobs.h"

#include "job-sight.h"
#include "selection.h"

#include <string.h>

void vk_report_job_free(VkReportJob *job)
{
	g_free(job->name);
	g_free(job->error);
	g_free(job);
}

static VkReportJob *see(const VkSettings *settings, const VkScheduledJob *job)
{
	g_auto(VkJobSight) sight = vk_job_sight_load(settings, job);
	VkReportJob *seen = g_new0(VkReportJob, 1);

	seen->name = g_strdup(job->name);
	seen->missed = vk_job_sight_is_missed(&sight) ? sight.due.planned : 0;
	seen->failed = vk_job_sight_has_failed(&sight) ? sight.state->past.started : 0;
	seen->error = vk_job_sight_was_cut_off(&sight) ? NULL : g_strdup(sight.state->error);
	return seen;
}

/* Adds the uuids of the guests that the job is for to COVERED. */
static gboolean add_covered(GHashTable *covered, VkHost *host, const VkSettings *settings,
			    const char *name, GError **error)
{
	g_autofree char *section = g_strdup_printf("job %s", name);
	g_auto(GStrv) guests = vk_settings_get_words(settings, section, "guests");
	g_auto(GStrv) tags = vk_settings_get_words(settings, section, "tags");
	g_auto(GStrv) exclude = vk_settings_get_words(settings, section, "exclude");
	const VkSelectionWords words = {
		.names = *guests ? guests : NULL, .tags = *tags ? tags : NULL, .exclude = exclude};
	g_autoptr(VkSelection) selection = vk_select_guests(host, settings, &words, error);

	for (guint i = 0; selection && i < selection->guests->len; i++)
		g_hash_table_add(
			covered,
			g_ascii_strdown(vk_guest_uuid(g_ptr_array_index(selection->guests, i)),
					-1));
	return selection != NULL;
}

/* Without any job the guests are somebody else's to start: a timer's, or cron's. */
static gboolean find_uncovered(VkReport *report, const VkSettings *settings, const char *uri,
			       GError **error)
{
	g_autoptr(GHashTable) covered =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(VkHost) host = vk_host_open(uri, error);

	if (!host)
		return FALSE;
	for (guint i = 0; i < report->jobs->len; i++) {
		const VkReportJob *job = g_ptr_array_index(report->jobs, i);

		if (!add_covered(covered, host, settings, job->name, error))
			return FALSE;
	}
	for (guint i = 0; i < report->guests->len; i++) {
		VkReportGuest *guest = g_ptr_array_index(report->guests, i);
		g_autofree char *uuid = g_ascii_strdown(guest->uuid, -1);

		guest->is_uncovered = guest->on_host && !g_hash_table_contains(covered, uuid);
	}
	return TRUE;
}

void vk_report_load_jobs(VkReport *report, const VkSettings *settings, const char *uri)
{
	char *const all[] = {NULL};
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GPtrArray) jobs = vk_scheduled_jobs_load(settings, all, &trouble);

	report->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)vk_report_job_free);
	for (guint i = 0; jobs && i < jobs->len; i++) {
		const VkScheduledJob *job = g_ptr_array_index(jobs, i);

		if (job->enabled)
			g_ptr_array_add(report->jobs, see(settings, job));
	}
	if (jobs && jobs->len > 0 && report->host_known)
		find_uncovered(report, settings, uri, &trouble);
	if (trouble)
		report->jobs_error = g_strdup(trouble->message);
}
