/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-due.h"

/* More are not counted: a host that was off for years must not cost time. */
#define MISSED_MAX 1000

static gint64 last_known(const VkJobPast *past)
{
	return MAX(past->since, MAX(past->started, past->ended));
}

/* Counts the moments from DUE->planned to NOW. Returns the last one that was counted. */
static gint64 count_missed(const VkScheduledJob *job, VkJobDue *due, gint64 now, GTimeZone *zone)
{
	gint64 last = due->planned;

	for (gint64 moment = last; moment <= now && due->missed < MISSED_MAX;
	     moment = vk_schedule_next(job->schedule, moment, zone)) {
		last = moment;
		due->missed++;
	}
	return last;
}

VkJobDue vk_job_due(const VkScheduledJob *job, const VkJobPast *past, guint delay, gint64 now,
		    GTimeZone *zone)
{
	VkJobDue due = {.state = VK_JOB_UNSCHEDULED, .next = G_MAXINT64};
	gint64 known = last_known(past), last;

	if (!job->schedule || !job->enabled)
		return due;
	due.next = vk_schedule_next(job->schedule, now, zone);
	due.is_ahead = known > now;
	due.state = known == 0 || due.is_ahead ? VK_JOB_UNKNOWN : VK_JOB_WAITING;
	if (due.state == VK_JOB_UNKNOWN)
		return due;
	due.planned = vk_schedule_next(job->schedule, known, zone);
	if (due.planned > now) {
		due.planned = 0;
		return due;
	}
	last = count_missed(job, &due, now, zone);
	due.is_late = now - due.planned > VK_JOB_GRACE_SEC + (gint64)job->delay_sec;
	if (now < due.planned + (gint64)delay)
		return due;
	/* A timer has its own delay, of which only the bound is known here. */
	if (!job->persistent && now > last + MAX(delay, job->delay_sec) + VK_JOB_GRACE_SEC)
		return due;
	due.state = !job->has_window || vk_time_window_has(&job->window, now, zone) ? VK_JOB_DUE
										    : VK_JOB_SHUT;
	return due;
}
