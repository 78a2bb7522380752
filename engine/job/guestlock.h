/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuestLock: at most one process of this host backs up a guest. The lock ends with its process,
 * however that ends. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkGuestLock VkGuestLock;

/*
 * Takes the lock of the guest UUID, in RUN_DIR, which is made if missing. NAME is for the error.
 * Does not wait: VK_ERROR_BUSY names the process that has it.
 */
VkGuestLock *vk_guest_lock_take(const char *run_dir, const char *uuid, const char *name,
				GError **error);
void vk_guest_lock_free(VkGuestLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestLock, vk_guest_lock_free)
