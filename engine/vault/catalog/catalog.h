/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The catalogue: which snapshots a vault has. It is the listing of snaps/, so it is never stale
 * and cannot disagree with the vault. A forgotten snapshot is hidden from all functions that do not
 * mention forgotten ones. Threads: free.
 */
#pragma once

#include "snapshot.h"
#include "snapshot-summary.h"
#include "vault.h"

#include <glib.h>

/* What the name of a snapshot's object says; the object need not be opened for it. */
typedef struct VkSnapshotKey {
	char *uuid;
	char *time;
	char *id;
	/* Nullable: the TIME of a snapshot that was committed later, though dated earlier. */
	char *before;
	gboolean is_noted;  /* BEFORE is noted in the vault */
	gint64 taken;       /* see vk_snapshot_key_taken() */
	gboolean forgotten; /* it is hidden: see vk_catalog_forget() */
	gboolean returning; /* it is about to be listed again */
	gboolean expired;   /* it is forgotten for good: see vk_catalog_expire() */
	gboolean pinned;    /* it has a pin, which may have ended: see vk_catalog_load_pin() */
} VkSnapshotKey;

void vk_snapshot_key_free(VkSnapshotKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSnapshotKey, vk_snapshot_key_free)

/*
 * When a snapshot of a list was taken by what is known now, in seconds since 1970. A wrong clock
 * contradicts most other dates of the guest. A snapshot that it dated was taken no later than the
 * next one whose date agrees with the others, and no later than now. The result is never too early.
 */
gint64 vk_snapshot_key_taken(const VkSnapshotKey *key);

/* Whether it is dated in the future, and nothing shows that it is older. */
gboolean vk_snapshot_key_is_ahead(const VkSnapshotKey *key);

/* The object's name within the vault. New string. */
char *vk_snapshot_key_object(const char *uuid, const char *time, const char *id);

/*
 * Lists all snapshots, or those of the guest UUID unless it is NULL. They are ordered by uuid, then
 * as they were committed: by TIME, except where a clock was wrong. Skips the names of other
 * objects. Returns VkSnapshotKey*, owned by the array.
 */
GPtrArray *vk_catalog_list(VkVault *vault, const char *uuid, GError **error);

/* The same with the forgotten snapshots. */
GPtrArray *vk_catalog_list_all(VkVault *vault, const char *uuid, GError **error);

/* The same by NAMES, a listing of the folder of the guest UUID. */
GPtrArray *vk_catalog_list_of(VkVault *vault, const char *uuid, const GPtrArray *names);

/* Such a listing: new strings. */
GPtrArray *vk_catalog_list_names(VkVault *vault, const char *uuid, GError **error);

/* Whether KEYS, a list of VkSnapshotKey, has the snapshot ID. */
gboolean vk_catalog_has_id(const GPtrArray *keys, const char *id);

/*
 * Notes that the snapshot was committed before another one that is dated TIME, which is earlier.
 * Succeeds if that is noted already.
 */
gboolean vk_catalog_note_before(VkVault *vault, const VkSnapshotKey *key, const char *time,
				GError **error);

/* Warns if NEWEST, of the guest of that name, is dated in the future. */
void vk_catalog_warn_ahead(VkVault *vault, const VkSnapshotKey *newest, const char *guest);

/* The name of the object that lists the snapshot's later copies. New string. */
char *vk_snapshot_copies_object(const char *uuid, const char *time, const char *id);

/*
 * Loads and verifies one snapshot object. Adds its later copies in the vault if they can be read.
 * VK_ERROR_DAMAGE, VK_ERROR_NOT_FOUND.
 */
VkSnapshot *vk_catalog_load(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * What lists show of a snapshot. If the vault has a cache, the object is read only when it is new
 * or changed. Errors as of vk_catalog_load().
 */
VkSnapshotSummary *vk_catalog_summarize(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * The same of KEYS, VkSnapshotKey*, with what has to be read read side by side. Returns
 * VkSnapshotSummary*, owned by the array, in the order of KEYS. NULL stands for one that cannot be
 * read, and after vk_interrupted() for any.
 */
GPtrArray *vk_catalog_summarize_all(VkVault *vault, const GPtrArray *keys);

/* vk_snapshot_to_report() of a snapshot, from the cache if it has it. New reference. Errors as of
   vk_catalog_load(). */
json_t *vk_catalog_report(VkVault *vault, const VkSnapshotKey *key, GError **error);

/* Puts the later copies into SNAPSHOT. TRUE when there are none. */
gboolean vk_catalog_load_copies(VkVault *vault, VkSnapshot *snapshot, GError **error);

/*
 * When the snapshot's object was stored, in seconds since 1970 by the store's own clock. Whoever
 * dates a snapshot has no say in it. VK_ERROR_NOT_FOUND.
 */
gboolean vk_catalog_stored_time(VkVault *vault, const VkSnapshotKey *key, gint64 *ret_seconds,
				GError **error);

/*
 * Forgets a snapshot: it is hidden at once, durably, and nothing is freed. From then on the
 * collector may remove it. REASON (nullable) is for people. Succeeds if it is forgotten already.
 * VK_ERROR_NOT_FOUND; VK_ERROR_FAILED when it is pinned.
 */
gboolean vk_catalog_forget(VkVault *vault, const VkSnapshotKey *key, const char *reason,
			   GError **error);

/*
 * Lists a forgotten snapshot again. Succeeds if it is not forgotten. VK_ERROR_BUSY when a collector
 * is about to remove it, VK_ERROR_NOT_FOUND when it has done so, or when the snapshot has expired;
 * it stays forgotten then.
 */
gboolean vk_catalog_unforget(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * Removes the snapshot for good: its object, its later copies, then all that lies beside its
 * object but the marks of collectors. The blocks of its images stay in the packs.
 */
gboolean vk_catalog_delete(VkVault *vault, const VkSnapshotKey *key, GError **error);

/*
 * Says durably that the collector of the lease COLLECTOR is about to remove the snapshot (D2), and
 * takes that back. Both succeed if that is done already.
 */
gboolean vk_catalog_put_going(VkVault *vault, const VkSnapshotKey *key, const char *collector,
			      GError **error);
gboolean vk_catalog_delete_going(VkVault *vault, const VkSnapshotKey *key, const char *collector,
				 GError **error);

/*
 * Whether NAMES, a listing of the guest's folder, have something beside the object of KEY, which
 * they need not have: marks of a removal that goes on, or was cut off. Notes of the order do not
 * count.
 */
gboolean vk_catalog_has_remains(const VkSnapshotKey *key, const GPtrArray *names);

/* A guest of the vault, whether or not libvirt still knows it. */
typedef struct VkCatalogGuest {
	char *uuid;
	char *name;      /* in its newest readable snapshot */
	char *view_name; /* safe as a file name; "<name>~<uuid 8>" where two guests share a name */
	/* VkSnapshotKey, oldest first, owned; NULL: see vk_catalog_guest_names() */
	GPtrArray *keys;
} VkCatalogGuest;

/*
 * All guests, ordered by view_name. A guest none of whose snapshot objects can be read is named by
 * its uuid. Returns VkCatalogGuest*, owned by the array.
 */
GPtrArray *vk_catalog_guests(VkVault *vault, GError **error);

/* The same with the forgotten snapshots, and with guests that have no others. */
GPtrArray *vk_catalog_guests_all(VkVault *vault, GError **error);

/*
 * The same guests without their keys. With a cache no folder is listed that has not changed. With
 * FORGOTTEN, guests count that have only forgotten snapshots.
 */
GPtrArray *vk_catalog_guest_names(VkVault *vault, gboolean forgotten, GError **error);

/*
 * The one of GUESTS that NAME means: a name, a view name or a uuid. Borrowed. Errors as of
 * vk_catalog_find().
 */
const VkCatalogGuest *vk_catalog_find_guest(VkVault *vault, const GPtrArray *guests,
					    const char *name, GError **error);

/*
 * Finds SNAPSHOT ("GUEST@TIME" and the others of timestamp.h), GUEST being a name, a view name or a
 * uuid. VK_ERROR_NOT_FOUND says whether the guest or the time is unknown; two guests of one name
 * are VK_ERROR_USAGE, listing the view names to use.
 */
VkSnapshot *vk_catalog_find(VkVault *vault, const char *reference, GError **error);

/*
 * The key of the snapshot that vk_catalog_find() finds, but its object need not be readable.
 * Returns a new key. Errors as of vk_catalog_find(). _all() finds forgotten snapshots, too.
 */
VkSnapshotKey *vk_catalog_find_key(VkVault *vault, const char *reference, GError **error);
VkSnapshotKey *vk_catalog_find_key_all(VkVault *vault, const char *reference, GError **error);

/* Changes whenever a snapshot appears, is forgotten, or goes. Cheap: meant to be asked twice a
 * second. */
gboolean vk_catalog_stamp(VkVault *vault, guint64 *ret_stamp, GError **error);
