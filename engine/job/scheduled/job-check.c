/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-check.h"

#include "keep-jobs.h"
#include "job-steps.h"
#include "keep-rules.h"
#include "scheduled-job.h"

/* So many moments of a schedule are compared with its window. */
#define MOMENTS 100

/* Its rules must keep something, and be the only ones for its label. */
static void check_rules(const VkSettings *settings, GPtrArray *problems, const char *name,
			const char *section)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *job = NULL;
	g_autoptr(VkKeepRules) rules = NULL;

	if (!vk_keep_job_has_rules(settings, name))
		return;
	if (vk_keep_job_find(settings, vk_keep_job_label(settings, name), &job, &trouble))
		rules = vk_keep_rules_load_job(settings, name, NULL, NULL, &trouble);
	if (trouble)
		g_ptr_array_add(problems,
				vk_settings_problem_new(settings, section, NULL, trouble->message));
}

static void add_shared(const VkSettings *settings, GPtrArray *problems, const char *section,
		       const char *label, const char *other)
{
	g_autofree char *text =
		g_strdup_printf("[%s] takes snapshots with the label '%s', too, and "
				"the job's rules would forget them: give the job "
				"another label",
				other, label);

	g_ptr_array_add(problems, vk_settings_problem_new(settings, section, "label", text));
}

/* The rules of a job decide about all snapshots with its label, so nothing else may have it. */
static void check_label(const VkSettings *settings, GPtrArray *problems, const char *name,
			const char *section, char *const *names)
{
	const char *label = vk_keep_job_label(settings, name);
	const char *usual = vk_settings_get(settings, "backup", "label");

	if (!vk_keep_job_has_rules(settings, name))
		return;
	if (g_strcmp0(label, usual) == 0)
		add_shared(settings, problems, section, label, "backup");
	for (; *names; names++) {
		g_autofree char *other = g_strdup_printf("job %s", *names);

		/* Two with rules are a problem of the rules. */
		if (!g_str_equal(*names, name) && !vk_keep_job_has_rules(settings, *names) &&
		    g_str_equal(label, vk_keep_job_label(settings, *names)))
			add_shared(settings, problems, section, label, other);
	}
}

static void check_vaults(const VkSettings *settings, GPtrArray *problems, const char *section)
{
	g_auto(GStrv) vaults = vk_settings_get_names(settings, "vault");
	g_auto(GStrv) words = vk_settings_get_words(settings, section, VK_JOB_REPLICATE);

	for (char **word = words; *word; word++) {
		g_autofree char *text =
			g_strdup_printf("there is no section [vault %s]: make one", *word);

		if (!g_strv_contains((const char *const *)vaults, *word))
			g_ptr_array_add(problems, vk_settings_problem_new(settings, section,
									  VK_JOB_REPLICATE, text));
	}
}

static gboolean meets_window(const VkScheduledJob *job)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_local();
	gint64 moment = g_get_real_time() / G_USEC_PER_SEC;

	for (guint i = 0; i < MOMENTS; i++) {
		moment = vk_schedule_next(job->schedule, moment, zone);
		if (moment == G_MAXINT64)
			return FALSE;
		if (vk_time_window_has(&job->window, moment, zone))
			return TRUE;
	}
	return FALSE;
}

static void check_window(const VkSettings *settings, GPtrArray *problems, const char *name,
			 const char *section)
{
	g_autoptr(VkScheduledJob) job = vk_scheduled_job_load(settings, name, NULL);

	if (job && job->schedule && job->has_window && !meets_window(job))
		g_ptr_array_add(problems, vk_settings_problem_new(settings, section, "window",
								  "the schedule never falls into "
								  "it: change one of them"));
}

void vk_jobs_check(const VkSettings *settings, GPtrArray *problems)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "job");

	for (char **name = names; *name; name++) {
		g_autofree char *section = g_strdup_printf("job %s", *name);

		check_rules(settings, problems, *name, section);
		check_label(settings, problems, *name, section, names);
		check_window(settings, problems, *name, section);
		check_vaults(settings, problems, section);
	}
}
