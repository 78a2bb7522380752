/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkStartWatch: notices whether a guest that is off was started, also when it is off again by now.
 * It goes by libvirt's events. Threads: one at a time.
 */
#pragma once

#include "guest.h"

#include <glib.h>

typedef struct VkStartWatch VkStartWatch;

typedef enum {
	VK_START_NONE,   /* the guest was not started */
	VK_START_SEEN,   /* it was */
	VK_START_MISSED, /* it may have been: libvirtd was restarted, and events were lost */
} VkStart;

/* Watches GUEST from now on, which is borrowed until the free. */
VkStartWatch *vk_start_watch_new(VkGuest *guest, GError **error);
void vk_start_watch_free(VkStartWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkStartWatch, vk_start_watch_free)

/* What has happened since. FALSE when libvirt does not answer. */
gboolean vk_start_watch_ask(VkStartWatch *watch, VkStart *ret, GError **error);
