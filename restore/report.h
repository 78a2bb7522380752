/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What virtkeep-restore says: plans and results in words, or one JSON document. Threads: one at a
 * time.
 */
#pragma once

#include "apply.h"
#include "plan.h"

#include <glib.h>
#include <jansson.h>

/* The restore of one snapshot. */
typedef struct VkRestoreJob {
	const char *reference; /* as asked for */
	VkView *view;
	VkRestorePlan *plan; /* NULL when it could not be made */
	VkApplied applied;
	gint64 usec;   /* that it took */
	GError *error; /* NULL: done, or still to do */
} VkRestoreJob;

/* Shows JOB's plan, on stdout unless it belongs to something else (ON_STDERR). */
void vk_report_plan(const VkRestoreJob *job, gboolean on_stderr);

/* Says what was restored. */
void vk_report_done(const VkRestoreJob *job, gboolean on_stderr);

/* Logs what is missing in what JOB restored, or left behind when it failed; if anything is. */
void vk_report_missing(const VkRestoreJob *job);

/* Tells what became of JOB: see event.h. */
void vk_report_event(const VkRestoreJob *job);

/* {restored, failed} for JOBS (VkRestoreJob*), or {plan, failed} after a DRY_RUN. New reference. */
json_t *vk_report_to_json(const GPtrArray *jobs, gboolean dry_run);

/*
 * 0, the error's status of a single job, 3 when some failed or something is missing, 1 when all
 * failed.
 */
int vk_report_status(const GPtrArray *jobs);
