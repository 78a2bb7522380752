/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error with which a command ends that is the step of a job, told to the job. Its standard
 * error belongs to people, or to the journal. For the beginning and the end of the command, while
 * there is one thread.
 */
#pragma once

#include <glib.h>

/* The job names a descriptor by it, which is a file in memory. */
#define VK_STEP_ERROR_VARIABLE "VIRTKEEP_STEP_ERROR_FD"

/* Of a longer error, the rest is left out. In bytes. */
#define VK_STEP_ERROR_MAX 1000

/* Keeps the descriptor to this process: what it starts is no step. */
void vk_step_error_prepare(void);

/* Nothing without a job. The last one counts. */
void vk_step_error_tell(const char *text);

/* What the step has told by FD; NULL: nothing. New string. */
char *vk_step_error_read(int fd);
