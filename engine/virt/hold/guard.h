/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuard: a small process of its own, with its own connection to libvirt, that outlives the engine.
 * The engine tells it, before the deed, what it is about to do to a guest. When the engine dies, of
 * whatever, or holds a guest longer than it said, the guard thaws and resumes, ends our backup jobs,
 * and removes their files; told that all is done, it just ends. It survives SIGKILL of the engine's
 * process group, and restarts of libvirtd. Threads: free; each call returns when the guard has
 * taken notice.
 */
#pragma once

#include "guest-hold.h"
#include "host.h"

#include <glib.h>

typedef struct VkGuard VkGuard;

/*
 * Starts the guard (this program with the command VK_GUARD_COMMAND) for the libvirt at URI and
 * waits until it is connected. TIMEOUT_SEC bounds its agent calls.
 */
#define VK_GUARD_COMMAND "guard"
VkGuard *vk_guard_start(const char *uri, guint timeout_sec, GError **error);

/* Tells it that all is done and waits, bounded, for its end. Takes NULL. */
void vk_guard_free(VkGuard *guard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuard, vk_guard_free)

/*
 * Puts the guest under watch. A duplicate of LOCK_FD stays open in the guard until it has nothing
 * to do for the guest any more, so that the lock outlives the engine until all is mended.
 */
gboolean vk_guard_add(VkGuard *guard, VkGuest *guest, int lock_fd, GError **error);
void vk_guard_remove(VkGuard *guard, VkGuest *guest);

/* The guest is about to be held so, at most until DEADLINE (monotonic, microseconds). */
gboolean vk_guard_hold(VkGuard *guard, VkGuest *guest, VkHold hold, gint64 deadline,
		       GError **error);
void vk_guard_released(VkGuard *guard, VkGuest *guest);

/*
 * A backup job is about to begin at SOCKET with the scratch files FILES (char*). A guest that
 * WAS_STOPPED by a full disk before stays so.
 */
gboolean vk_guard_job(VkGuard *guard, VkGuest *guest, const char *socket, const GPtrArray *files,
		      gboolean was_stopped, GError **error);
void vk_guard_job_ended(VkGuard *guard, VkGuest *guest);

/* The guard's own main, for the hidden command. Returns the exit status. */
int vk_guard_main(int argc, char **argv);
