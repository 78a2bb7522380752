/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuestFiles: a snapshot whose files can be read: its disks are open in an appliance. What the
 * appliance says is checked here, so that callers get no names that lead elsewhere. Threads: the
 * one that opened it.
 */
#pragma once

#include "appliance.h"
#include "message.h"
#include "snapshot.h"
#include "vault.h"
#include "volume-keys.h"

#include <glib.h>

typedef struct VkGuestFiles VkGuestFiles;

/*
 * Opens the snapshot that REFERENCE names in an appliance of KIND, and its encrypted volumes with
 * KEYS, to which what is asked for is added. The vault, the keys and the strings of KIND are
 * borrowed until the free. RUN_DIR is where processes agree on how many appliances run: see
 * vk_appliance_slot_take(). VK_ERROR_FAILED if a key opens nothing.
 */
VkGuestFiles *vk_guest_files_open(VkVault *vault, const char *reference, const char *run_dir,
				  const VkMachineKind *kind, VkVolumeKeys *keys, GError **error);
void vk_guest_files_free(VkGuestFiles *files); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestFiles, vk_guest_files_free)

/* The snapshot. Borrowed. */
const VkSnapshot *vk_guest_files_snapshot(const VkGuestFiles *files);

/* Ends the appliance until it is needed again. The snapshot stays open. */
void vk_guest_files_rest(VkGuestFiles *files);

/*
 * Whether the appliance started, and then ended by itself or broke off its answer. Another one
 * starts when needed.
 */
gboolean vk_guest_files_ended(const VkGuestFiles *files);

/* A volume; the strings are not checked and may hold anything but zeros. */
typedef struct VkVolume {
	char *name, *type, *label, *uuid, *state, *note, *points; /* "" for none */
	guint64 size;                                             /* bytes */
	gboolean incomplete; /* it cannot be read because something of it is missing */
} VkVolume;

/*
 * The volumes of the snapshot's disks, VkVolume*. Some are missing if it is not sound, or if
 * *RET_NOTE, a new string, says so; it is NULL else.
 */
GPtrArray *vk_guest_files_volumes(VkGuestFiles *files, char **ret_note, GError **error);

/* The disks that the snapshot does not have, and why, for people. New string; NULL: it has all. */
char *vk_guest_files_skipped(const VkGuestFiles *files);

/*
 * Whether all that was read of the disks until now could be read from the vault. VK_ERROR_DAMAGE
 * if the snapshot is damaged.
 */
gboolean vk_guest_files_sound(VkGuestFiles *files, GError **error);

/* An entry of a directory. */
typedef struct VkEntry {
	char *path;   /* below what was asked for, without ".." and the like; "" for that itself */
	char *target; /* of a symbolic link, anything but zeros; NULL for all else */
	guint32 mode; /* as st_mode, of a known type */
	guint32 uid, gid, links;
	guint32 rdev_major, rdev_minor;
	guint64 device, inode; /* the same for two names of one file */
	guint64 size;          /* bytes; of a regular file at most G_MAXINT64 */
	guint64 blocks;        /* of 512 bytes */
	gint64 mtime_sec;
	guint32 mtime_nsec; /* below 1e9 */
} VkEntry;

/*
 * Where a walk leads to. The functions return FALSE with an error to end it. Those that are NULL
 * are not called.
 */
typedef struct VkWalkCalls {
	gboolean (*entry)(gpointer data, const VkEntry *entry, GError **error);
	/*
	 * With VK_WALK_RANGES, before the bytes of a file with holes: its next part with data. If
	 * it has none, 0 and 0.
	 */
	gboolean (*range)(gpointer data, guint64 offset, guint64 length, GError **error);
	/* Of the last entry; OFFSET + LENGTH are within the size that it gave. */
	gboolean (*bytes)(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			  GError **error);
	gboolean (*attribute)(gpointer data, const char *name, const guint8 *value, gsize length,
			      GError **error);
	/* What is at PATH, or below it, could not be read. It need not be the last entry. */
	void (*unread)(gpointer data, const char *path);
	gpointer data;
} VkWalkCalls;

/* What is walked. */
typedef struct VkWalk {
	const char *volume; /* NULL: the installed system */
	const char
		*system; /* the volume of the root of the system, if there are several; or NULL */
	const char *path;
	guint flags;    /* VkWalkFlags */
	gboolean quiet; /* what cannot be read is not warned of */
} VkWalk;

/*
 * Walks. Asks at the terminal for the passphrase of the volume if it is locked. What cannot be read
 * is warned of, and is VK_ERROR_PARTIAL at the end, or VK_ERROR_DAMAGE if the vault could not read
 * its own. VK_ERROR_NOT_FOUND when there is no such path or volume; it is certain: never with disks
 * that are not sound.
 */
gboolean vk_guest_files_walk(VkGuestFiles *files, const VkWalk *walk, const VkWalkCalls *calls,
			     GError **error);

/*
 * The same step by step, beside the walk of another snapshot: each step takes one part of what is
 * found. CALLS are copied. Only one is on its way in FILES.
 */
typedef struct VkGuestWalk VkGuestWalk;

VkGuestWalk *vk_guest_walk_new(VkGuestFiles *files, const VkWalk *walk, const VkWalkCalls *calls,
			       GError **error);
/* *RET_ENDED is also set if what could not be read is the only error. */
gboolean vk_guest_walk_step(VkGuestWalk *walk, gboolean *ret_ended, GError **error);
void vk_guest_walk_free(VkGuestWalk *walk); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestWalk, vk_guest_walk_free)
