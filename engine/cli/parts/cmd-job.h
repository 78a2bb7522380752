/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of "virtkeep job". JOBS are VkScheduledJob. Threads: one at a time. */
#pragma once

#include "program.h"
#include "scheduled-job.h"

#include <glib.h>

/* Prints what each of JOBS does, and when. */
gboolean vk_cmd_job_list(const VkProgram *program, const GPtrArray *jobs, GError **error);

/* Prints how the last run of each went, and what it missed. VK_ERROR_PARTIAL if not all is well. */
gboolean vk_cmd_job_status(const VkProgram *program, const GPtrArray *jobs, GError **error);

/* Prints the next COUNT moments of each. */
gboolean vk_cmd_job_next(const VkProgram *program, const GPtrArray *jobs, guint count,
			 GError **error);

typedef struct VkJobRunHow {
	gboolean due_only; /* those of JOBS that are due */
	gboolean is_named; /* the command line names them: then no delay is waited for */
	gboolean dry_run;  /* print the steps, run none */
} VkJobRunHow;

/* Runs JOBS one after the other. One that fails keeps no other from running. */
gboolean vk_cmd_job_run(const VkProgram *program, const GPtrArray *jobs, const VkJobRunHow *how,
			GError **error);
