/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of the catalogue. catalog-key.c has the names of its objects, catalog.c lists and
 * loads, catalog-order.c orders and dates the list, catalog-guests.c groups it by guests and finds
 * a snapshot by what people write, of which catalog-choose.c does the part after the '@'. Threads:
 * free.
 *
 * The order is that in which the snapshots of a guest were committed. It is that of their TIMEs as
 * long as no clock is set back. When a snapshot is committed while others of its guest are dated
 * later, each of these gets a note: an object beside it, whose name says all:
 *
 *   snaps/<guest uuid>/<TIME>-<snap id>.before-<TIME of the one committed later>
 */
#pragma once

#include "catalog.h"
#include "when.h"

#include <glib.h>

/* The key of the object NAME in the folder of UUID. New; NULL: it is no snapshot's. */
VkSnapshotKey *vk_snapshot_key_parse(const char *uuid, const char *name);

/* Removes all notes on KEY, which is of a list. Succeeds if there are none. */
gboolean vk_catalog_delete_notes(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * Orders the keys from number FIRST on, which are all of one guest, and fills in what is known of
 * them. NAMES is the listing of the guest's folder. If a snapshot is dated in the future and has no
 * note, the newest of the others are opened: their parents show which are newer.
 */
void vk_catalog_order(VkVault *vault, GPtrArray *keys, guint first, const GPtrArray *names);

/*
 * Finds the snapshot that WHEN means. KEYS: VkSnapshotKey*, of one guest, the newest last, at least
 * one. TEXT: how WHEN was written, and GUEST, are for the error. Returns borrowed.
 * VK_ERROR_NOT_FOUND names what there is. VK_ERROR_USAGE: several snapshots have an id that begins
 * with these digits.
 */
const VkSnapshotKey *vk_choose_snapshot(const GPtrArray *keys, const VkWhen *when, const char *text,
					const char *guest, GError **error);
