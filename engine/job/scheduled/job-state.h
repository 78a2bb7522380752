/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkJobState: what a host remembers of a job, in the file NAME.json of a directory. It may be lost:
 * then the schedule counts anew. Threads: one at a time.
 */
#pragma once

#include "job-due.h"

#include <glib.h>

typedef struct VkJobState {
	VkJobPast past;
	gint64 planned; /* when the last run should have started; 0: it was by hand */
	guint missed;   /* moments that it stands for; 0: it was by hand */
	int status;     /* the exit status of the last run that has ended */
	char *error;    /* what went wrong in it, in words; NULL: nothing */
} VkJobState;

/* Also for a job without a file. A file that cannot be read is a warning, and counts as none. */
VkJobState *vk_job_state_load(const char *state_dir, const char *name);
void vk_job_state_free(VkJobState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkJobState, vk_job_state_free)

/* Written durably, in one go; the directory is made if missing. */
gboolean vk_job_state_save(const VkJobState *state, const char *state_dir, const char *name,
			   GError **error);
