/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which job of the configuration says what is kept: a job with rules of its own decides about the
 * snapshots that have its label, and about no others. Threads: free.
 */
#pragma once

#include "settings.h"

#include <glib.h>

/* The label of the snapshots that the job takes: by its section, else its name. Borrowed. */
const char *vk_keep_job_label(const VkSettings *settings, const char *job);

/* Whether the job has rules. */
gboolean vk_keep_job_has_rules(const VkSettings *settings, const char *job);

/* Whether the job sends the snapshots into other vaults before it forgets any. */
gboolean vk_keep_job_replicates(const VkSettings *settings, const char *job);

/*
 * The job with rules that has LABEL (nullable). *RET_JOB is a new string; NULL: there is none.
 * VK_ERROR_USAGE when there are two: nothing may be forgotten by the rules of the wrong one.
 */
gboolean vk_keep_job_find(const VkSettings *settings, const char *label, char **ret_job,
			  GError **error);
