/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The task that this program is at. A command begins it when it knows that it is going to work, and
 * hands over its result; the program ends it (finish.h). In between its warnings and errors are
 * collected. Trouble with the history is one warning and never a failure. Without a task the
 * functions here do nothing. Threads: one at a time.
 */
#pragma once

#include "settings.h"
#include "task.h"

/* The environment's name of the job that a command belongs to: [job NAME]. */
#define VK_TASK_JOB_VARIABLE "VIRTKEEP_JOB"

/* Begins a task of KIND, one of vk_task_kinds. There must be none. SETTINGS are borrowed until the
 * end. */
void vk_task_begin(const VkSettings *settings, const char *kind);

/* HOOK is called whenever a task has begun; NULL: nobody. */
typedef void (*VkTaskBegun)(const VkSettings *settings, const char *kind);
void vk_task_on_begin(VkTaskBegun hook);

/* Which vault it works on: the first that is told. */
void vk_task_set_vault(const char *place, const char *id);

/* That it is about the guest of SNAPSHOT, "GUEST@TIME" or "GUEST", if its result does not say so.
 */
void vk_task_about(const char *snapshot);

/* The command's result: kept, and printed if somebody asked for JSON. */
void vk_task_result(const json_t *document, gboolean print);

/* Ends the task with the exit STATUS, and hands it over. NULL: there was none. */
VkTask *vk_task_end(int status);
