/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a report says of the jobs of the configuration. Threads: one at a time. */
#pragma once

#include "report.h"

/*
 * Adds the enabled jobs of SETTINGS to REPORT, which has its guests already, and finds those guests
 * of the host at URI that none of them is for. Trouble with it is in REPORT.
 */
void vk_report_load_jobs(VkReport *report, const VkSettings *settings, const char *uri);
void vk_report_job_free(VkReportJob *job);
