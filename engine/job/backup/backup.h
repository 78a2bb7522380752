/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backup job: takes snapshots of guests into a vault, several at once. One guest's failure
 * never stops the others. It logs warnings and failures as they happen, but the failure of a guest
 * named alone is left to the caller. Threads: one job at a time in a process.
 */
#pragma once

#include "backup-options.h"
#include "selection.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkBackupFailure {
	char *guest; /* as it was asked for, or its name */
	GError *error;
	gboolean hooks_ran; /* its own, with this failure */
} VkBackupFailure;

typedef struct VkBackupResult {
	guint guests;         /* asked for, each counted once */
	gboolean alone;       /* one guest was named: the caller reports its failure */
	GPtrArray *left_out;  /* VkLeftOut */
	GPtrArray *snapshots; /* VkSnapshot, committed */
	GPtrArray *failed;    /* VkBackupFailure; also for a guest saved but not thawed, or not
				 replicated */
} VkBackupResult;

void vk_backup_result_free(VkBackupResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkBackupResult, vk_backup_result_free)

/* Called after each commit, never twice at once. */
typedef void (*VkBackupDone)(const VkSnapshot *snapshot, gpointer data);

/*
 * Backs up the guests NAMES and those with the tags of OPTIONS (as for vk_select_guests(); NULL
 * both: all) of the host URI into VAULT, which is open for writing. DONE is nullable. Stops on
 * vk_interrupted(); the guests at work are among the failed then. Returns NULL only when nothing
 * could be tried at all.
 */
VkBackupResult *vk_backup_run(VkVault *vault, const char *uri, char *const *names,
			      const VkBackupOptions *options, VkBackupDone done, gpointer data,
			      GError **error);
