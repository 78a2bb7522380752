/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds what is wrong with the jobs of a configuration beyond its form. Threads: free. */
#pragma once

#include "settings.h"

#include <glib.h>

/* Adds a VkSettingsProblem to PROBLEMS for each thing that is wrong. */
void vk_jobs_check(const VkSettings *settings, GPtrArray *problems);
