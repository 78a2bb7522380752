/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuard: a small process of its own, with its own connection to libvirt, that outlives the
 * engine. Before the engine does something to a guest, it says so to the guard. The engine may die,
 * or hold a guest longer than it said: then the guard thaws and resumes the guest, ends the backup
 * job, and removes its files. When the engine has finished, the guard just ends. It survives
 * SIGKILL of the engine's process group, and restarts of libvirtd. guard-process.h is its own side.
 * Threads: free; each call but vk_guard_start() and vk_guard_add() returns when the guard has taken
 * notice of it, and of all it was told before.
 */
#pragma once

#include "guest-hold.h"
#include "host.h"

#include <glib.h>

typedef struct VkGuard VkGuard;

/*
 * Starts the guard (this program with the command VK_GUARD_COMMAND) for the libvirt at URI. It
 * connects while the engine goes on. TIMEOUT_SEC bounds its agent calls.
 */
#define VK_GUARD_COMMAND "guard"
VkGuard *vk_guard_start(const char *uri, guint timeout_sec, GError **error);

/* Says that all is done and waits, bounded, for the guard's end. Takes NULL. */
void vk_guard_free(VkGuard *guard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuard, vk_guard_free)

/*
 * Puts the guest under watch before anything is done to it. The guard may not have taken notice
 * yet, or not be able to: then the guest's next call says why. It takes the guard a connection to
 * libvirt for each guest, one after the other. A duplicate of LOCK_FD stays open in the guard until
 * it has nothing to do for the guest any more, so that the lock outlives the engine until all is
 * fixed.
 */
gboolean vk_guard_add(VkGuard *guard, VkGuest *guest, int lock_fd, GError **error);

/*
 * Waits until all that were added are under watch, at most half a minute for each; FALSE when GUEST
 * cannot be. To be called before a time begins that the wait must not use up.
 */
gboolean vk_guard_await(VkGuard *guard, VkGuest *guest, GError **error);
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
