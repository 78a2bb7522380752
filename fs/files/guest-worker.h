/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuestWorker: one thread that has the files of a guest, which know one thread only. Others give
 * it calls, and it makes them one after the other. Without calls the appliance ends after a while,
 * and starts again with the next one. Threads: free.
 */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkGuestWorker VkGuestWorker;

/*
 * Opens the snapshot that REFERENCE names, as vk_guest_files_open(), whose arguments it borrows.
 * The appliance rests after IDLE_SEC without a call, and after a failed call if the vault could not
 * be read. If it ends by itself more than a few times while the vault can be read, it does not
 * start again.
 */
VkGuestWorker *vk_guest_worker_new(VkVault *vault, const char *reference, const char *run_dir,
				   const VkMachineKind *kind, VkVolumeKeys *keys, guint idle_sec,
				   GError **error);

/* Waits for the call that is being made. Takes NULL. */
void vk_guest_worker_free(VkGuestWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestWorker, vk_guest_worker_free)

typedef gboolean (*VkGuestCall)(VkGuestFiles *files, gpointer data, GError **error);

/* Makes a call and waits for it. Returns what it returns. */
gboolean vk_guest_worker_call(VkGuestWorker *worker, VkGuestCall call, gpointer data,
			      GError **error);
