/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any command of a guest's agent. Errors call the guest "it". Threads: free. */
#pragma once

#include "guest.h"

#include <glib.h>
#include <jansson.h>

/*
 * Has the agent execute COMMAND with ARGUMENTS (an object, borrowed; NULL: none), and waits at most
 * TIMEOUT_SEC. Returns the member "return" of the answer, which the guest has made: a new
 * reference. VK_ERROR_BUSY: no answer came in time, and the command may still be executed.
 */
json_t *vk_agent_command(VkGuest *guest, const char *command, json_t *arguments, guint timeout_sec,
			 GError **error);
