/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkJobLock: a job runs at most once at a time on this host. The lock ends with the processes that
 * have its descriptor, however they end: a step that goes on after its job was killed keeps it.
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkJobLock VkJobLock;

/* RUN_DIR is made if missing. VK_ERROR_BUSY names the process that has it. */
VkJobLock *vk_job_lock_take(const char *run_dir, const char *name, GError **error);
void vk_job_lock_free(VkJobLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkJobLock, vk_job_lock_free)

/* To be inherited by the steps. Borrowed. */
int vk_job_lock_fd(const VkJobLock *lock);

/* Whether somebody has it. */
gboolean vk_job_lock_is_taken(const char *run_dir, const char *name);
