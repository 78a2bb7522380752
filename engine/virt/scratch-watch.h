/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkScratchWatch: a thread beside a backup job. What the guest overwrites must first be copied to
 * the scratch files; when these find no room, QEMU stops the guest. So the job is ended before the
 * scratch directory is full. Not to be included from other folders.
 */
#pragma once

#include "host.h"

#include <glib.h>

typedef struct VkScratchWatch VkScratchWatch;

/* Whether DIRECTORY has the room that a backup of GUEST needs at the least. */
gboolean vk_scratch_check(VkGuest *guest, const char *directory, GError **error);

/* Watches the job of GUEST on SOCKET, which is about to begin. All are borrowed. */
VkScratchWatch *vk_scratch_watch_start(VkGuest *guest, const char *directory, const char *socket);

/* Ends the thread. FALSE when it had to end the job; the error tells why. Takes NULL. */
gboolean vk_scratch_watch_stop(VkScratchWatch *watch, GError **error);
