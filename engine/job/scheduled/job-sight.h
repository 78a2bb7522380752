/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkJobSight: what this host knows of a job now. Threads: one at a time. */
#pragma once

#include "job-state.h"

typedef struct VkJobSight {
	const VkScheduledJob *job; /* borrowed */
	VkJobState *state;
	VkJobDue due;
	gboolean is_running;
} VkJobSight;

/* JOB is a job of SETTINGS, and has to stay. Clear it with vk_job_sight_clear(). */
VkJobSight vk_job_sight_load(const VkSettings *settings, const VkScheduledJob *job);
void vk_job_sight_clear(VkJobSight *sight);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkJobSight, vk_job_sight_clear)

/* Whether its last run left a result. */
gboolean vk_job_sight_has_ended(const VkJobSight *sight);

/* Whether its last run is not there any more, and left no result. */
gboolean vk_job_sight_was_cut_off(const VkJobSight *sight);

/* Whether its last run failed, or was cut off. */
gboolean vk_job_sight_has_failed(const VkJobSight *sight);

/* Whether it should have started long ago, and does not run. */
gboolean vk_job_sight_is_missed(const VkJobSight *sight);
