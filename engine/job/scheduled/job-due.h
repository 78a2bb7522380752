/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decision whether a job has to start. It is made of nothing but what it is given: no clock, no
 * file. All moments are seconds since 1970. Threads: free.
 *
 * A job runs for each moment of its schedule. One that came while it ran, or while the host was
 * off, is not made up for once more than needed: any number of them gives one run.
 */
#pragma once

#include "scheduled-job.h"

#include <glib.h>

/* A job that starts so much later than it should have was missed. */
#define VK_JOB_GRACE_SEC ((gint64)60 * 60)

/* What is known of its past; 0: nothing. */
typedef struct VkJobPast {
	gint64 since;          /* its schedule counts from then on */
	gint64 started, ended; /* of its last run; ENDED is less than STARTED while it runs */
} VkJobPast;

typedef enum {
	VK_JOB_UNSCHEDULED, /* without a schedule, or not enabled */
	VK_JOB_UNKNOWN,     /* nothing is known of its past, so not what it missed */
	VK_JOB_WAITING,     /* for NEXT */
	VK_JOB_DUE,
	VK_JOB_SHUT, /* due, but outside of its window */
} VkJobDueState;

typedef struct VkJobDue {
	VkJobDueState state;
	gint64 planned; /* when it should have started: the first moment since its last run; 0: none
			 */
	guint missed;   /* moments since then, that one included; counted up to a bound */
	gboolean is_late;  /* it should have started long ago */
	gboolean is_ahead; /* its past lies in the future: the clock was wrong, and it counts as
			      unknown */
	gint64 next;       /* the next moment of its schedule after NOW; G_MAXINT64: none */
} VkJobDue;

/*
 * What is to be done at NOW, DELAY seconds after the schedule, by the clocks of ZONE.
 */
VkJobDue vk_job_due(const VkScheduledJob *job, const VkJobPast *past, guint delay, gint64 now,
		    GTimeZone *zone);
