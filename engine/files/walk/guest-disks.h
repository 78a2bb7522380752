/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which disks of a snapshot an appliance gets: the first VK_APPLIANCE_DISKS_MAX of them. Threads:
 * one.
 */
#pragma once

#include "snapshot.h"
#include "view.h"

#include <glib.h>

/*
 * Opens them: adds to IMAGES (VkImage) and to NAMES their targets, borrowed of the snapshot.
 * VK_ERROR_NOT_FOUND if it has none.
 */
gboolean vk_guest_disks_open(VkView *view, GPtrArray *images, GPtrArray *names, GError **error);

/* Says to people which disks are left out. New string; NULL: none. */
char *vk_guest_disks_left_out(const VkSnapshot *snapshot);
