/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keep-jobs.h"

#include "errors.h"
#include "keep-rules.h"

const char *vk_keep_job_label(const VkSettings *settings, const char *job)
{
	const char *label = vk_settings_get_named(settings, "job", job, "label");

	return label ? label : job;
}

gboolean vk_keep_job_has_rules(const VkSettings *settings, const char *job)
{
	g_autofree char *section = g_strdup_printf("job %s", job);

	return vk_keep_rules_are_in(settings, section);
}

gboolean vk_keep_job_replicates(const VkSettings *settings, const char *job)
{
	g_autofree char *section = g_strdup_printf("job %s", job);
	g_auto(GStrv) vaults = vk_settings_get_words(settings, section, "replicate");

	return vaults[0] != NULL;
}

gboolean vk_keep_job_find(const VkSettings *settings, const char *label, char **ret_job,
			  GError **error)
{
	g_auto(GStrv) jobs = vk_settings_get_names(settings, "job");
	const char *found = NULL;

	*ret_job = NULL;
	for (char **job = jobs; label && *job; job++) {
		if (!g_str_equal(vk_keep_job_label(settings, *job), label) ||
		    !vk_keep_job_has_rules(settings, *job))
			continue;
		if (found)
			return vk_fail(error, VK_ERROR_USAGE,
				       "[job %s] and [job %s] both say what to keep of the label "
				       "'%s': give them different labels",
				       found, *job, label);
		found = *job;
	}
	*ret_job = g_strdup(found);
	return TRUE;
}
