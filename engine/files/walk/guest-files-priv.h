/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of VkGuestFiles, for the files guest-*.c. Threads: as VkGuestFiles. */
#pragma once

#include "guest-files.h"

#include "view.h"

struct VkGuestFiles {
	VkView *view;
	guint disks; /* of the snapshot; the appliance gets VK_APPLIANCE_DISKS_MAX of them at most
		      */
	gboolean held;
	char *reference, *run_dir; /* as they were given */
	VkMachineKind kind;
	VkVolumeKeys *keys;     /* borrowed */
	guint questions;        /* passphrases that were asked for */
	gboolean is_new;        /* the last one that was typed was not tried yet */
	guint tried;            /* passphrases that the appliance was given */
	int slot;               /* the right to run the appliance; -1: none */
	VkAppliance *appliance; /* NULL: it rests */
	gboolean in_answer;     /* it was not heard to the end: nothing more can be asked */
};

/* The appliance, started if it rests; NULL with an error. */
VkAppliance *vk_guest_files_wake(VkGuestFiles *files, GError **error);

/* What the agent sends is no answer. */
gboolean vk_guest_files_fail_nonsense(GError **error);

/*
 * vk_appliance_receive(). If the vault could not be read, that is the error: the appliance does not
 * know why its disks fail.
 */
gboolean vk_guest_files_receive(VkGuestFiles *files, VkMessageType *ret_type, VkBody *ret_body,
				GError **error);

/* By VK_MESSAGE_FAILED, or by what the vault could not read. */
gboolean vk_guest_files_fail_as_said(VkGuestFiles *files, VkBody *body, GError **error);
