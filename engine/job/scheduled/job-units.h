/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The units of systemd that start jobs. Threads: one at a time. */
#pragma once

#include "scheduled-job.h"

#include <glib.h>

/*
 * Writes virtkeep-job@NAME.timer into DIRECTORY for each of JOBS (VkScheduledJob) that is enabled
 * and has a schedule, and links it where timers.target looks. SOURCE is the configuration, for
 * people.
 */
gboolean vk_job_units_write(const GPtrArray *jobs, const char *directory, const char *source,
			    GError **error);

/*
 * Has systemd, if it runs this host, read the units anew, and starts or stops the timer of the job
 * NAME. *RET_REACHED is FALSE where it does not.
 */
gboolean vk_job_units_apply(const char *name, gboolean enabled, gboolean *ret_reached,
			    GError **error);
