/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuestLock: at most one process of this host backs up a guest or restores it. The lock ends with
 * its process, however that ends. Threads: one at a time.
 */
#pragma once

#include "guest-hold.h"

#include <glib.h>

typedef struct VkGuestLock VkGuestLock;

/*
 * Takes the lock of the guest UUID, in RUN_DIR, which is made if missing. NAME is for the error.
 * VK_ERROR_BUSY names the process that has it. When that process is dead, the call waits, bounded:
 * its guard has the lock until it has fixed what the process left.
 */
VkGuestLock *vk_guest_lock_take(const char *run_dir, const char *uuid, const char *name,
				GError **error);
void vk_guest_lock_free(VkGuestLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestLock, vk_guest_lock_free)

/* The lock of another process, by a duplicate of its descriptor, which is taken over. */
VkGuestLock *vk_guest_lock_adopt(int fd);

/*
 * Notes in the lock how the guest is held from now on, or is about to be. A killed process leaves
 * its note to the next one that takes the lock.
 */
gboolean vk_guest_lock_set_hold(VkGuestLock *lock, VkHold hold, GError **error);

/* The descriptor that holds the lock: a duplicate of it holds it on. Borrowed. */
int vk_guest_lock_fd(const VkGuestLock *lock);

/* How the guest may be held still by the process that had the lock before. */
VkHold vk_guest_lock_left(const VkGuestLock *lock);
