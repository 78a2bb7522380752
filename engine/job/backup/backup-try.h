/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guests of a run share, and VkBackupTry: what one try to back a guest up is given, and
 * what it reports beside its snapshot. Threads: the context is shared, a try has one.
 */
#pragma once

#include "array.h"
#include "backup-options.h"
#include "counting-semaphore.h"
#include "group.h"
#include "guard.h"
#include "host.h"
#include "progress.h"
#include "rate-limit.h"
#include "snapshot-set.h"
#include "vault.h"

#include <glib.h>

/* What the guests of a run share. */
typedef struct VkBackupContext {
	VkVault *vault;
	const char *vault_url;
	const VkBackupOptions *options;
	guint workers; /* of each guest's session */
	VkArrays *arrays;
	VkGuard *guard;
	VkProgress *progress;
	VkRateLimit *limit;   /* of what all of them read */
	gint *same_fs_warned; /* atomic: a vault beside the images is worth one warning a run */
	/*
	 * Bounds how many guests use processor and disk at once. No guest that is held waits for
	 * it.
	 */
	VkSemaphore *semaphore;
	/* The same for guests of a group until their instant: they must not wait for readers. */
	VkSemaphore *group_semaphore;
} VkBackupContext;

typedef struct VkBackupTry {
	VkHost *host;
	VkGuest *guest;
	VkGroup *group;          /* nullable; left in any case */
	VkSnapshotSet *set;      /* that the guests of GROUP share; nullable */
	const char *no_tracking; /* why it makes no bitmaps and checkpoints; NULL: it makes them */
	GError *release_error;   /* set, and logged, when the guest could not be brought back */
	GError *not_replicated;  /* set when the array could not transfer what it took */
	gboolean hooks_ran;      /* set when the hooks of its failure have run */
	guint awaited;           /* how many things of it the progress awaits still */
	char *tracking_trouble;  /* set when the failure may be one of bitmaps or checkpoints */
} VkBackupTry;

void vk_backup_try_clear(VkBackupTry *try);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkBackupTry, vk_backup_try_clear)
