/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "virtkeep log" prints. Threads: one at a time. */
#pragma once

#include "task.h"

#include <glib.h>

/* One line for each of TASKS (VkTask*); of tasks about ABOUT (nullable), a guest, only its part. */
void vk_log_print_list(const GPtrArray *tasks, const char *about);

/* All that is known of one task. */
void vk_log_print_task(const VkTask *task);
