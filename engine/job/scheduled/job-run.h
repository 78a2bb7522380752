/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run of a job, from its lock to the record of how it went. A step that fails keeps no other
 * from running, but a replication the forgetting. Threads: one at a time.
 */
#pragma once

#include "job-state.h"
#include "job-steps.h"
#include "scheduled-job.h"

#include <glib.h>

typedef struct VkJobRunOptions {
	const VkSettings *settings;
	char *const *program; /* as for vk_job_step_run() */
	gboolean silent;      /* likewise */
	/*
	 * Run only if the schedule wants it now. HOST and ZONE say which delay is waited for, and
	 * by which clocks; a HOST of NULL waits for none, and takes a job without a past as due.
	 */
	gboolean due_only;
	const char *host;
	GTimeZone *zone;
} VkJobRunOptions;

typedef struct VkJobRun {
	gboolean ran;     /* FALSE: it was not due */
	GPtrArray *steps; /* VkJobStep; those that did not run have -1 */
} VkJobRun;

/*
 * Runs JOB. RET is filled in whatever comes of it; clear it with vk_job_run_clear(). VK_ERROR_BUSY
 * when it runs already, but to the schedule it is just not due then. A run whose steps did not all
 * succeed fails with what failed in words: VK_ERROR_PARTIAL, or when nothing at all was done, with
 * the status of the first step.
 */
gboolean vk_job_run(const VkScheduledJob *job, const VkJobRunOptions *options, VkJobRun *ret,
		    GError **error);
void vk_job_run_clear(VkJobRun *run);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkJobRun, vk_job_run_clear)
