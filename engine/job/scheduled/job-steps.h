/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of a job: commands of virtkeep with their options, as people could type them. Each is a
 * process of its own, so that none can keep the next ones from running. Threads: one at a time.
 */
#pragma once

#include "settings.h"

#include <glib.h>

/* The name of the steps that send snapshots into other vaults. */
#define VK_JOB_REPLICATE "replicate"

typedef struct VkJobStep {
	const char *name;       /* of the command; static */
	char **words;           /* the command, its options and arguments */
	gboolean needs_replica; /* it does not run when a replication has failed */
	int status;  /* its exit status, once it has run; -1: it was killed, or did not start */
	char *error; /* the error with which it ended, or why it did not run; NULL: it did */
	gint64 usec; /* how long it took */
} VkJobStep;

/* What the job NAME does, in order. Returns VkJobStep*, owned by the array. */
GPtrArray *vk_job_steps_plan(const VkSettings *settings, const char *name);

/* The step as a shell takes it: "virtkeep backup --all". New string. */
char *vk_job_step_text(const VkJobStep *step);

/*
 * Runs STEP to its end, and fills in how it went. PROGRAM is what stands before the words: the path
 * of virtkeep, and the options of all commands. Its standard output is this process's, or nothing
 * with SILENT; its standard error is this process's, so that it finds the journal there. It
 * inherits KEPT_FD, and JOB in its environment. An interruption asks it to end.
 */
void vk_job_step_run(VkJobStep *step, char *const *program, const char *job, int kept_fd,
		     gboolean silent);
