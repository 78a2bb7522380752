/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuestOptions: how one guest is backed up: the command line, else its section [guest NAME] of
 * the configuration, else the general settings. Immutable. Threads: free.
 */
#pragma once

#include "backup.h"
#include "host.h"

#include <glib.h>

typedef struct VkGuestOptions {
	VkBackupMode mode;
	VkQuiesceMode quiesce;
	char **mountpoints; /* to freeze; empty: all */
	char **exclude;     /* targets of disks that are not to be saved */
	gboolean has_freeze_hook;
	gboolean no_tracking; /* no checkpoint of ours is to stay in it */
} VkGuestOptions;

VkGuestOptions *vk_guest_options_new(const VkBackupOptions *options, const VkGuest *guest,
				     GError **error);
void vk_guest_options_free(VkGuestOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestOptions, vk_guest_options_free)
