/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkScratchWatch: a thread beside a backup job. QEMU copies what the guest overwrites to the
 * scratch files first. When these find no room, QEMU stops the guest. So the watch ends the job
 * before the scratch directory is full. Threads: one uses it.
 */
#pragma once

#include "host.h"

#include <glib.h>

typedef struct VkScratchWatch VkScratchWatch;

/* Whether DIRECTORY has the room that a backup of GUEST needs at the least. */
gboolean vk_scratch_check(VkGuest *guest, const char *directory, GError **error);

/*
 * Watches the job of GUEST on SOCKET, which is about to begin. All are borrowed. With WAS_STOPPED a
 * full disk had stopped the guest before: then the watch does not go by the stop.
 */
VkScratchWatch *vk_scratch_watch_start(VkGuest *guest, const char *directory, const char *socket,
				       gboolean was_stopped);

/*
 * Ends the thread, before the job is ended. *RET_USED gets how many bytes the job's scratch files
 * had. FALSE when the watch had to end the job; the error says why. Takes NULL.
 */
gboolean vk_scratch_watch_stop(VkScratchWatch *watch, guint64 *ret_used, GError **error);

/*
 * How many bytes have to stay free until the job has ended: a part of the ROOM that was free at
 * first, or more if the guest makes the scratch files grow fast, by RATE bytes a second.
 */
guint64 vk_scratch_reserve(guint64 room, guint64 rate);
