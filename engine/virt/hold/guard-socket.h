/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard's socket, for both of its sides. The engine sends JSON objects, one a datagram. The
 * guard answers each by one datagram: "ok", or the words of an error. Threads: one at a time for a
 * socket.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define VK_GUARD_MESSAGE_MAX 65536

/* The values of the member "do". */
#define VK_GUARD_ADD       "add" /* "uuid"; a descriptor comes with it */
#define VK_GUARD_REMOVE    "remove"
#define VK_GUARD_HOLD      "hold" /* "hold": flags of VkHold; "deadline" */
#define VK_GUARD_RELEASED  "released"
#define VK_GUARD_JOB       "job" /* "socket", "files", "stopped" */
#define VK_GUARD_JOB_ENDED "job-ended"

/* One datagram with a descriptor (-1: none). FALSE when the other side is gone. */
gboolean vk_guard_send(int socket, const char *text, int descriptor, GError **error);

/*
 * The next datagram as a new string, or NULL when the other side is gone; *RET_DESCRIPTOR is the
 * caller's to close, -1 for none.
 */
char *vk_guard_receive(int socket, int *ret_descriptor, GError **error);
