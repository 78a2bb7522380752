/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHold: how a guest is kept from writing while its disks are snapshotted.
 */
#pragma once

#include <glib.h>

/* How a guest is held, or may be: flags. */
typedef enum {
	VK_HOLD_NONE = 0,
	VK_HOLD_FROZEN = 1 << 0, /* its file systems, by its agent */
	VK_HOLD_SUSPENDED = 1 << 1,
} VkHold;

/* "frozen", "suspended", or "frozen and suspended". Static. */
const char *vk_hold_words(VkHold hold);

/* The commands that release the guest UUID from it. New string. */
char *vk_hold_remedy(VkHold hold, const char *uuid);
