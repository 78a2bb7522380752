/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkScheduledJob: a section [job NAME] of the configuration: what is to be done by itself, and
 * when. Immutable. Threads: free.
 */
#pragma once

#include "schedule.h"
#include "settings.h"
#include "time-window.h"

#include <glib.h>

typedef struct VkScheduledJob {
	char *name;
	VkSchedule *schedule; /* NULL: it runs by hand only */
	gboolean has_window;
	VkTimeWindow window; /* no start by the schedule outside of it */
	guint delay_sec;     /* it starts up to so much later than the schedule says */
	gboolean persistent; /* a moment that was missed is made up for */
	gboolean enabled;
} VkScheduledJob;

/* VK_ERROR_NOT_FOUND when the configuration has no such section. */
VkScheduledJob *vk_scheduled_job_load(const VkSettings *settings, const char *name, GError **error);
void vk_scheduled_job_free(VkScheduledJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkScheduledJob, vk_scheduled_job_free)

/*
 * The jobs NAMES (NULL-terminated; empty: all), in the order of the file or of NAMES.
 * Returns VkScheduledJob*, owned by the array.
 */
GPtrArray *vk_scheduled_jobs_load(const VkSettings *settings, char *const *names, GError **error);

/*
 * How much later than the schedule says the job starts on the host HOST: always the same, and less
 * than its delay. In seconds.
 */
guint vk_scheduled_job_delay(const VkScheduledJob *job, const char *host);
