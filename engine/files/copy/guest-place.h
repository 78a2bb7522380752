/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Places in a running guest, for files of one of its snapshots. Its users may change its
 * directories meanwhile: no symbolic link is followed to a place, and a file is made in a directory
 * of its own, which only root can enter, until it gets its name whole. A directory that was made
 * has an identity, by which its users cannot put another in its place. Threads: one at a time.
 */
#pragma once

#include "guest-files.h"
#include "inside.h"

#include <glib.h>

/* Strings are any bytes. */
typedef struct VkGuestPlace {
	const char *directory; /* as the guest calls it, without a symbolic link on the way */
	const char *name;
	const char *parent;  /* the identity of the directory; NULL: any will do */
	const char *staging; /* the name of the directory for the file, beside it */
	const char
		*identity; /* of the staging directory, or of the one that this is; NULL: unknown */
	gboolean overwrite; /* what is there, unless it is a directory */
} VkGuestPlace;

/* How the scripts end. */
typedef enum {
	VK_PLACE_DONE = 0,
	VK_PLACE_FAILED = 1,     /* its errors say why */
	VK_PLACE_NO_WAY = 3,     /* the directory is not there, or not what it was */
	VK_PLACE_UNWRITTEN = 5,  /* the bytes were not written; its errors say why */
	VK_PLACE_EXISTS = 17,    /* there is something, and it stays */
	VK_PLACE_THERE = 20,     /* the directory was there before, and was swept */
	VK_PLACE_DIRECTORY = 21, /* there is a directory, which stays */
	VK_PLACE_WRONG_SUM = 22, /* other bytes than those sent are there */
	VK_PLACE_NO_SUM = 24,    /* the guest has no sha256sum */
} VkPlaceStatus;

/* How a script ended, for people. Borrowed from OUTCOME or constant. */
const char *vk_guest_place_reason(const VkOutcome *outcome);

/* What is done in one go, in this order. */
typedef enum {
	VK_PUT_BEGIN = 1, /* the staging directory is made, an empty file in it */
	VK_PUT_BYTES = 2, /* bytes are written to it */
	VK_PUT_LINK = 4,  /* instead, it is a symbolic link */
	VK_PUT_SIZE = 8,  /* the file gets its size */
	VK_PUT_CHECK = 16,
	VK_PUT_END = 32, /* it gets its owner, its mode, its time and its name */
} VkPutParts;

typedef struct VkPut {
	guint parts;         /* VkPutParts */
	const guint8 *bytes; /* of chunk number CHUNK, VK_INSIDE_INPUT_MAX bytes each */
	gsize length;
	guint64 chunk;
	const char *sum; /* SHA-256 of the file, in hex; NULL: not known yet */
} VkPut;

/* What a VK_PUT_BEGIN or a make has printed: the new directory's, a new string; NULL: nonsense. */
char *vk_guest_place_identity(const VkOutcome *outcome);

/* Does it, in TIMEOUT_SEC at most. ENTRY is what is put; its path is not used. */
gboolean vk_guest_place_put(VkInside *inside, const VkGuestPlace *place, const VkEntry *entry,
			    const VkPut *put, guint timeout_sec, VkOutcome *ret, GError **error);

/* Reads chunk number CHUNK of the staged file back, into OUTCOME's output. */
gboolean vk_guest_place_read(VkInside *inside, const VkGuestPlace *place, guint64 chunk,
			     VkOutcome *ret, GError **error);

/* Removes the staging directory. */
void vk_guest_place_clear(VkInside *inside, const VkGuestPlace *place);

/* Makes the directory that PLACE is, for root alone, or sweeps the one that is there. */
gboolean vk_guest_place_make(VkInside *inside, const VkGuestPlace *place, VkOutcome *ret,
			     GError **error);

/* Gives the directory that PLACE is the owner, the mode and the time of ENTRY. */
gboolean vk_guest_place_finish(VkInside *inside, const VkGuestPlace *place, const VkEntry *entry,
			       VkOutcome *ret, GError **error);

/* Of VK_PLACE_THERE: how many files that are not whole a killed copy had left in it. */
guint vk_guest_place_swept(const VkOutcome *outcome);

/* Tells people of COUNT such files in DIRECTORY of the guest that is called TITLE; not of none. */
void vk_guest_place_note_swept(const char *title, const char *directory, guint count);

/*
 * The directory PATH of the guest, its symbolic links followed: a new string, or NULL.
 * *RET_FREE is what its file system has free in bytes; G_MAXUINT64: the guest does not say.
 * *RET_SWEPT is as of vk_guest_place_swept().
 */
char *vk_guest_place_find(VkInside *inside, const char *path, guint64 *ret_free, guint *ret_swept,
			  GError **error);
