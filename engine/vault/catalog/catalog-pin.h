/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pins: while a snapshot is pinned nothing forgets it and no collector removes it. A pin is a mark
 * beside the snapshot's object. Threads: free.
 */
#pragma once

#include "catalog.h"

#include <glib.h>

/* A pin that never ends. */
#define VK_PIN_FOR_GOOD G_MAXINT64

typedef struct VkPin {
	gint64 until; /* seconds since 1970, or VK_PIN_FOR_GOOD */
	gint64 since; /* seconds since 1970; 0: not known */
	char *host;   /* where it was put; nullable */
	char *reason; /* nullable */
} VkPin;

void vk_pin_free(VkPin *pin); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPin, vk_pin_free)

/*
 * Pins a snapshot until UNTIL, in seconds since 1970, or for VK_PIN_FOR_GOOD. The pins that it had
 * are replaced. REASON (nullable) is for people. VK_ERROR_NOT_FOUND; VK_ERROR_FAILED when it is
 * forgotten.
 */
gboolean vk_catalog_pin(VkVault *vault, const VkSnapshotKey *key, gint64 until, const char *reason,
			GError **error);

/* Removes all pins of a snapshot. Succeeds if there are none. VK_ERROR_NOT_FOUND. */
gboolean vk_catalog_unpin(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * The pin that holds the snapshot for longest; *RET_PIN is NULL when it has none, or only such that
 * have ended. A pin that cannot be read holds for good. Costs a listing and a read for each pin:
 * ask for keys that are PINNED.
 */
gboolean vk_catalog_load_pin(VkVault *vault, const VkSnapshotKey *key, VkPin **ret_pin,
			     GError **error);
