/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkChild: a program that runs beside this process: a tool of QEMU, or a hook. It gets a signal
 * when this process dies for any reason. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkChild VkChild;

/*
 * Starts ARGV, searched in PATH, in a process group of its own, with both outputs captured up to a
 * bound. ENVIRONMENT is "NAME=value" strings; NULL: that of this process. At this process's death
 * it gets DEATH_SIGNAL: SIGTERM when it has something to tidy up, else SIGKILL, since qemu-nbd
 * forgets a SIGTERM that comes while it starts.
 */
VkChild *vk_child_start(const char *const *argv, const char *const *environment, int death_signal,
			GError **error);

/* Asks it to end. */
void vk_child_terminate(VkChild *child);

/* Waits for its end until a g_get_monotonic_time() value. FALSE when it still runs. */
gboolean vk_child_wait(VkChild *child, gint64 deadline);

/* After the end: FALSE when it failed; the error holds what it wrote on stderr. */
gboolean vk_child_check(VkChild *child, GError **error);

/* Kills it, and what it has started in its group, if it runs. Takes NULL. */
void vk_child_free(VkChild *child);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkChild, vk_child_free)

/* Runs ARGV to its end. Returns its stdout. Ends early when interrupted. SIGKILL at death. */
char *vk_child_run(const char *const *argv, guint timeout_sec, GError **error);
