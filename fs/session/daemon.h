/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going into the background once the work is under way, and telling systemd. The child does
 * everything, with the terminal still at hand for messages; the parent waits until the child is
 * ready or has failed. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkDaemon VkDaemon;

/*
 * To be called before any thread runs. Forks unless FOREGROUND. In the parent it does not return:
 * the program ends with 0 when the child is ready, or else with the child's exit status.
 */
VkDaemon *vk_daemon_start(gboolean foreground, GError **error);
void vk_daemon_free(VkDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDaemon, vk_daemon_free)

/*
 * Everything works: sends READY=1, and in the background leaves the terminal and the working
 * directory and lets the parent go. What is logged after that goes to the journal or syslog,
 * unless stderr is the journal or a file already.
 */
void vk_daemon_ready(VkDaemon *daemon);

/* Sends one state line to the service manager if it wants any: "STOPPING=1". */
void vk_daemon_notify(const char *state);
