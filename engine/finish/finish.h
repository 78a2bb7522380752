/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The beginning and the end of each program that works on a vault. Threads: one at a time.
 */
#pragma once

#include "settings.h"
#include "task.h"

/* To be called first: who watches tasks is to hear also that one begins. */
void vk_finish_prepare(void);

/*
 * Ends the task of this program (current-task.h), if it has begun one, with its exit STATUS, after
 * its error was said. SETTINGS are NULL when there were none, and so no task.
 */
void vk_finish(const VkSettings *settings, int status);

/*
 * What is done with every task that has ended, also if the history could not keep it. It must not
 * fail: trouble is a warning.
 */
void vk_task_finished(const VkTask *task, const VkSettings *settings);
