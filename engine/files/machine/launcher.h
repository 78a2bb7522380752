/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts virtkeep-sandbox, and ends it. A process that is going to give up its rights calls
 * vk_launcher_start() before that: then a small process that keeps them does both, and nothing
 * else. It ends with the process that started it, whatever ends that, and the sandbox with it.
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>

/* The descriptors that the sandbox gets, from 0. */
#define VK_LAUNCHER_FDS 7

/* To be called before any thread runs, and once. */
gboolean vk_launcher_start(GError **error);

/*
 * Runs virtkeep-sandbox with the ARGUMENTS, ended by NULL, and these descriptors, borrowed. One at
 * a time.
 */
gboolean vk_launcher_run(const char *const *arguments, const int fds[VK_LAUNCHER_FDS],
			 GPid *ret_pid, GError **error);

/* Kills what vk_launcher_run() has started, and waits until it is gone. */
void vk_launcher_kill(GPid pid);
