/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkBackupOptions: how a run backs guests up. VkGuestOptions: how it backs one guest up: by the
 * command line, else by its section [guest NAME] of the configuration, else by the general
 * settings. Immutable. Threads: free.
 */
#pragma once

#include "host.h"
#include "quiesce.h"
#include "settings.h"

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
	char *const *tags;            /* of guests to take as well as those named; nullable */
	char *const *exclude;         /* patterns of guests to leave out; nullable */
	gboolean group;               /* all at one instant */
	gboolean strict;          /* fail a guest instead of lowering the grade of its snapshot */
	gboolean replicate;       /* have arrays transfer what they took */
	guint replicate_wait_sec; /* to wait for the end of that; 0: it is only begun */
	gboolean compare;         /* read disks completely, ignore their bitmaps */
	guint64 budget_usec;      /* of each guest's pause; 0: none */
	guint parallel;           /* guests at once */
	guint agent_timeout_sec;
	guint operation_timeout_sec; /* from a guest's plan until it goes on again */
	guint retries;               /* of calls to libvirt that may pass */
	guint workers;               /* 0: one for each core */
	guint64 bytes_per_sec;       /* read of all guests together; 0: as fast as can be */
	const char *scratch_dir;     /* for what running guests overwrite meanwhile */
	const char *run_dir;         /* for locks and sockets */
} VkBackupOptions;

typedef struct VkGuestOptions {
	VkBackupMode mode;
	VkQuiesceMode quiesce;
	char **mountpoints; /* to freeze; empty: all */
	char **exclude;     /* targets of disks that are not to be saved */
	gboolean has_freeze_hook;
	gboolean no_tracking; /* no checkpoint is to stay in it */
} VkGuestOptions;

VkGuestOptions *vk_guest_options_new(const VkBackupOptions *options, const VkGuest *guest,
				     GError **error);
void vk_guest_options_free(VkGuestOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestOptions, vk_guest_options_free)
