/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backup job: guests are snapshot into a vault, several at once. One guest's failure never
 * stops the others. It logs warnings and failures as they happen, but the failure of a guest named
 * alone is left to the caller. Threads: one job at a time in a process.
 */
#pragma once

#include "quiesce.h"
#include "selection.h"
#include "settings.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/* Where the copies of a snapshot go. */
typedef enum {
	VK_MODE_VAULT,
	VK_MODE_ARRAY,           /* the storage takes the snapshot, and nothing is read */
	VK_MODE_ARRAY_AND_VAULT, /* and what it took is read into the vault */
} VkBackupMode;

/* "vault", "array" or "array+vault". */
gboolean vk_backup_mode_parse(const char *text, VkBackupMode *ret, GError **error);

typedef struct VkBackupOptions {
	const VkBackupMode *mode;     /* NULL: as configured */
	const char *label;            /* "daily", ...: which retention applies; nullable */
	const VkSettings *settings;   /* for the sections of guests, and what is not below */
	const VkQuiesceMode *quiesce; /* NULL: as configured */
	char *const *mountpoints;     /* NULL: as configured */
	char *const *exclude;         /* patterns of guests to leave out; nullable */
	gboolean group;               /* all at one instant */
	gboolean strict;              /* rather fail a guest than grade its snapshot down */
	gboolean replicate;           /* have arrays transfer what they took */
	guint replicate_wait_sec;     /* for that to be done; 0: it is only begun */
	gboolean compare;             /* read disks in whole, whatever their bitmaps tell */
	guint64 budget_usec;          /* of each guest's pause; 0: none */
	guint parallel;               /* guests at once */
	guint agent_timeout_sec;
	guint operation_timeout_sec; /* from a guest's plan until it goes on again */
	guint retries;               /* of calls to libvirt that may pass */
	guint workers;               /* 0: one for each core */
	guint64 bytes_per_sec;       /* read of all guests together; 0: as fast as can be */
	const char *scratch_dir;     /* for what running guests overwrite meanwhile */
	const char *run_dir;         /* for locks and sockets */
} VkBackupOptions;

typedef struct VkBackupFailure {
	char *guest; /* as it was asked for, or its name */
	GError *error;
	gboolean told; /* its own hooks have told it */
} VkBackupFailure;

typedef struct VkBackupResult {
	guint guests;         /* asked for, each counted once */
	gboolean alone;       /* one guest was named: its failure is for the caller to tell */
	GPtrArray *left_out;  /* VkLeftOut */
	GPtrArray *snapshots; /* VkSnapshot, committed */
	GPtrArray *
		failed; /* VkBackupFailure; also for a guest saved but not thawed, or not replicated */
} VkBackupResult;

void vk_backup_result_free(VkBackupResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkBackupResult, vk_backup_result_free)

/* Called after each commit, never twice at once. */
typedef void (*VkBackupDone)(const VkSnapshot *snapshot, gpointer data);

/*
 * Backs up the guests NAMES (as for vk_select_guests(); NULL: all) of the host URI into
 * VAULT, which is open for writing. DONE is nullable. Stops on vk_interrupted(); the guests at
 * work are among the failed then. Returns NULL only when nothing could be tried at all.
 */
VkBackupResult *vk_backup_run(VkVault *vault, const char *uri, char *const *names,
			      const VkBackupOptions *options, VkBackupDone done, gpointer data,
			      GError **error);
