/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of the catalogue. catalog-key.c has the names of its objects, catalog.c lists and
 * loads, catalog-order.c orders and dates the list, catalog-marks.c reads and puts marks,
 * catalog-forget.c forgets and catalog-pin.c protects by them, catalog-sweep.c removes those that
 * say nothing any more, catalog-summary.c and catalog-names.c answer from the cache what needs no
 * whole object, catalog-chain.c notices when snapshots are held back, catalog-guests.c groups the
 * list by guests and finds a snapshot by what people write, of which catalog-choose.c does the part
 * after the '@'. Threads: free.
 *
 * The order is that in which the snapshots of a guest were committed. It is that of their TIMEs as
 * long as no clock is set back. When a snapshot is committed while others of its guest are dated
 * later, each of these gets a note: an object beside it, whose name is the note:
 *
 *   snaps/<guest uuid>/<TIME>-<snap id>.before-<TIME of the one committed later>
 *
 * Marks are objects beside a snapshot's as well. That one is there is what counts. What is in it is
 * for people, and it may be empty. An <id> is of the one who put the mark, and of nobody else; of
 * .back- and .gone- it is that of an open lease, without which the mark says nothing:
 *
 *   snaps/<guest uuid>/<TIME>-<snap id>.del        it is forgotten
 *   snaps/<guest uuid>/<TIME>-<snap id>.back-<id>  somebody is about to list it again
 *   snaps/<guest uuid>/<TIME>-<snap id>.gone-<id>  the collector <id> is about to remove it
 *   snaps/<guest uuid>/<TIME>-<snap id>.pin-<id>   it is pinned; until when is in it
 *   snaps/<guest uuid>/<TIME>-<snap id>.expiring-<id>  somebody decides whether it expires
 *   snaps/<guest uuid>/<TIME>-<snap id>.expired    its copies on arrays may be gone
 *
 * tests/model/README.md says why these are enough. Its steps are F1 for forgetting, U0 to U4 for
 * the way back, P1 and P2 for pins, D1 to D7 for removing, X0 to X7 for what arrays alone have.
 */
#pragma once

#include "catalog.h"
#include "catalog-pin.h"
#include "json.h"
#include "vault-parts.h"
#include "when.h"

#include <glib.h>

/* The uuids of all guests that have a folder, in order. New strings. */
GPtrArray *vk_catalog_uuids(VkVault *vault, GError **error);

/*
 * The name of a guest: that in its newest object that can be read, else its uuid. New string. NULL
 * when it has no snapshots; with FORGOTTEN, not even forgotten ones. With a cache, a folder that
 * has not changed is not listed.
 */
gboolean vk_catalog_name_guest(VkVault *vault, const char *uuid, gboolean forgotten,
			       char **ret_name, GError **error);

/* Drops from the cache what is of guests that are gone. UUIDS are those that there are. */
void vk_catalog_tidy_guests(VkVault *vault, const GPtrArray *uuids);

/* The key of the object NAME in the folder of UUID. New; NULL: it is not a snapshot. */
VkSnapshotKey *vk_snapshot_key_parse(const char *uuid, const char *name);

/* "GUEST@TIME" for messages, or "UUID@TIME" when the object cannot be read. New string. */
char *vk_catalog_name(VkVault *vault, const VkSnapshotKey *key);

/* vk_catalog_load(), and in *RET_SUM (nullable) the checksum of the object, a new string. */
VkSnapshot *vk_catalog_load_sum(VkVault *vault, const VkSnapshotKey *key, char **ret_sum,
				GError **error);

/*
 * What a chain needs of the snapshot, which is listed. It is read unless it was the last one that
 * was read of its guest. New; NULL: it cannot be read.
 */
VkChainLink *vk_catalog_load_link(VkVault *vault, const VkSnapshotKey *key);

/*
 * The highest number of the guest's chain that a note keeps; 0: there is none. FALSE: there may be
 * a higher one than *RET, for the vault cannot be read.
 */
gboolean vk_chain_kept_number(VkVault *vault, const char *uuid, guint64 *ret);

/* The same by NAMES, a listing of the guest's folder. */
gboolean vk_chain_noted_number(VkVault *vault, const char *uuid, const GPtrArray *names,
			       guint64 *ret);

/* What the names of a snapshot's objects begin with: "<TIME>-<snap id>". New string. */
char *vk_snapshot_key_stem(const VkSnapshotKey *key);

VkSnapshotKey *vk_snapshot_key_copy(const VkSnapshotKey *key);

/*
 * Orders the keys from number FIRST on, which are all of one guest, and fills in what is known of
 * them. NAMES is the listing of the guest's folder. If a snapshot is dated in the future and has no
 * note, the newest of the others are opened: their parents show which are newer.
 */
void vk_catalog_order(VkVault *vault, GPtrArray *keys, guint first, const GPtrArray *names);

/* Says in the keys from number FIRST on what marks they have. NAMES as for vk_catalog_order(). */
void vk_catalog_take_marks(GPtrArray *keys, guint first, const GPtrArray *names);

/* Kinds of marks: what their names have behind the stem and the dot. */
#define VK_MARK_OBJECT    "json" /* the snapshot's object itself */
#define VK_MARK_FORGOTTEN "del"
#define VK_MARK_BACK      "back-" /* and an id */
#define VK_MARK_GOING     "gone-" /* and an id */
#define VK_MARK_PIN       "pin-"  /* and an id */
#define VK_MARK_EXPIRED   "expired"
#define VK_MARK_EXPIRING  "expiring-" /* and an id */
#define VK_MARK_BEFORE    "before-"   /* and a TIME: the note of the order */

/* A kind that nobody else has: PREFIX and a new id. New string. */
char *vk_catalog_new_mark(const char *prefix);

/* The name of a mark within the vault. New string. */
char *vk_catalog_mark_object(const VkSnapshotKey *key, const char *kind);

/* What is in every mark: when and where it was put, and REASON (nullable). New reference. */
json_t *vk_catalog_describe_mark(const char *reason);

/*
 * The kinds of all that lies beside the snapshot's object at the moment. New strings.
 * VK_ERROR_NOT_FOUND when the object is not there, readable or not.
 */
GPtrArray *vk_catalog_look(VkVault *vault, const VkSnapshotKey *key, GError **error);

/* Whether KINDS, of vk_catalog_look(), has KIND. */
gboolean vk_marks_have(const GPtrArray *kinds, const char *kind);

/*
 * Of the pins among KINDS, of vk_catalog_look(), the one that holds for longest; NULL: none holds.
 */
VkPin *vk_catalog_find_pin(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds);

/* Removes the pins among KINDS. */
gboolean vk_catalog_delete_pins(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds,
				GError **error);

/* Puts a mark durably, and takes it away. Both succeed if that is done already. */
gboolean vk_catalog_put_mark(VkVault *vault, const VkSnapshotKey *key, const char *kind,
			     const char *reason, GError **error);
gboolean vk_catalog_delete_mark(VkVault *vault, const VkSnapshotKey *key, const char *kind,
				GError **error);

/*
 * Removes what lies beside the snapshot's object, which is gone, in the order of D7. Marks of
 * collectors stay: each takes away its own, as the last.
 */
gboolean vk_catalog_delete_beside(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * Finds the snapshot that WHEN means. KEYS: VkSnapshotKey*, of one guest, the newest last, at least
 * one. TEXT: how WHEN was written, and GUEST, are for the error. Returns borrowed.
 * VK_ERROR_NOT_FOUND names what there is. VK_ERROR_USAGE: several snapshots have an id that begins
 * with these digits.
 */
const VkSnapshotKey *vk_choose_snapshot(const GPtrArray *keys, const VkWhen *when, const char *text,
					const char *guest, GError **error);
