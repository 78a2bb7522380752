/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-sight.h"

#include "job-lock.h"

void vk_job_sight_clear(VkJobSight *sight)
{
	g_clear_pointer(&sight->state, vk_job_state_free);
}

VkJobSight vk_job_sight_load(const VkSettings *settings, const VkScheduledJob *job)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_local();
	VkJobSight sight = {.job = job};

	sight.is_running =
		vk_job_lock_is_taken(vk_settings_get(settings, "backup", "run_dir"), job->name);
	sight.state = vk_job_state_load(vk_settings_get(settings, "jobs", "state_dir"), job->name);
	sight.due =
		vk_job_due(job, &sight.state->past, vk_scheduled_job_delay(job, g_get_host_name()),
			   g_get_real_time() / G_USEC_PER_SEC, zone);
	return sight;
}

gboolean vk_job_sight_has_ended(const VkJobSight *sight)
{
	return sight->state->past.ended > 0 &&
	       sight->state->past.ended >= sight->state->past.started;
}

gboolean vk_job_sight_was_cut_off(const VkJobSight *sight)
{
	return sight->state->past.started > 0 && !vk_job_sight_has_ended(sight) &&
	       !sight->is_running;
}

gboolean vk_job_sight_has_failed(const VkJobSight *sight)
{
	return vk_job_sight_was_cut_off(sight) ||
	       (vk_job_sight_has_ended(sight) && sight->state->status != 0);
}

gboolean vk_job_sight_is_missed(const VkJobSight *sight)
{
	return sight->due.is_late && !sight->is_running;
}
