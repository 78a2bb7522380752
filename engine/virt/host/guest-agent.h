/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls to a guest's agent that quiescing needs. Errors call the guest "it": the caller names
 * it. Threads: free.
 */
#pragma once

#include "guest.h"

#include <glib.h>

/* FALSE with the reason when no agent in the guest can freeze it. Asks libvirt, not the agent. */
gboolean vk_agent_check(VkGuest *guest, GError **error);

/*
 * How long agent calls of the guest wait for an answer from now on. libvirt keeps this for the
 * guest, so it holds for the calls of other programs, and those find it changed.
 */
gboolean vk_agent_set_timeout(VkGuest *guest, guint timeout_sec, GError **error);

/*
 * Sets the timeout of agent calls and asks for an answer. So a deaf agent is known before it gets a
 * command that would have to be undone. *RET_FROZEN: another program has frozen the guest.
 */
gboolean vk_agent_probe(VkGuest *guest, guint timeout_sec, gboolean *ret_frozen, GError **error);

/* Where the guest has file systems; NULL when the agent does not say. g_strfreev(). */
char **vk_agent_mountpoints(VkGuest *guest);

/*
 * Freezes the file systems at MOUNTPOINTS; NULL or empty: all. Returns how many, or -1: they may
 * then be frozen now or later.
 */
int vk_agent_freeze(VkGuest *guest, char *const *mountpoints, GError **error);

/*
 * Thaws. TRUE when the agent says that nothing is frozen; *RET_COUNT is how many file systems
 * were thawed, 0 when they had thawed before.
 */
gboolean vk_agent_thaw(VkGuest *guest, guint timeout_sec, int *ret_count, GError **error);

/* Puts the timeout back to libvirt's default. */
void vk_agent_done(VkGuest *guest);
