/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the reflink driver share. Clones lie beside the originals, which makes them
 * clones of the same file system by construction:
 *
 *   <directory of the image>/.virtkeep/<vault 8>/<guest uuid>/<snapshot id>/<target>.<layer>
 *
 * and beside them, until the snapshot is listed, the file UNLISTED. Clones are read-only and, where
 * the file system knows that, immutable.
 */
#pragma once

#include "array-driver.h"

#include <glib.h>

#define VK_REFLINK_DIRECTORY ".virtkeep"
#define VK_REFLINK_UNLISTED  "unlisted"

typedef struct VkReflinkDisk {
	VkArrayDisk base;
	GPtrArray *layers; /* VkArrayLayer; the paths have no symbolic links */
} VkReflinkDisk;

VkSetPart *vk_reflink_prepare(VkArray *array, const char *vault_id, const char *label,
			      const GPtrArray *disks, GError **error);
gboolean vk_reflink_snap(VkSetPart *part, GHashTable *members, gint64 deadline, GError **error);
gboolean vk_reflink_settle(VkSetPart *part, GError **error);
json_t *vk_reflink_copy(VkSetPart *part, const VkSetDisk *disk);
gboolean vk_reflink_keep(VkSetPart *part, const char *uuid, GError **error);
void vk_reflink_leave(VkSetPart *part, const char *uuid);
void vk_reflink_part_free(VkSetPart *part);

/* Gives the empty file TO the bytes of FROM. Returns 0, or -1 with errno. */
int vk_reflink_clone_fd(int from, int to);

/* The same for the first block alone, to see whether it can be done at all. */
int vk_reflink_try_clone_fd(int from, int to);

/* Makes the file immutable, or changeable again as its mode allows. Best effort. */
void vk_reflink_set_immutable(int fd, gboolean immutable);

/* The directory of a guest's snapshots beside an image. New string. */
char *vk_reflink_guest_directory(const char *image, const char *vault_id, const char *uuid);

/* What a directory of virtkeep is opened for. */
typedef enum {
	VK_REFLINK_READ,   /* any user may have made it */
	VK_REFLINK_CHANGE, /* refused unless we alone can write to it and to those above, up to
			      .virtkeep */
	VK_REFLINK_MAKE,   /* the same, and what is missing is made, durably */
} VkReflinkUse;

/*
 * Opens DIRECTORY, which virtkeep made, step by step from the image's. Another user who may write
 * to the image's directory could have put a link in its place that leads to other files. Returns a
 * file descriptor, or -1; VK_ERROR_NOT_FOUND when there is none.
 */
int vk_reflink_open_directory(const char *directory, VkReflinkUse use, GError **error);

/* Opens the clone PATH, a file in a directory of virtkeep, to read it. */
int vk_reflink_open_clone(const char *path, GError **error);

/*
 * Puts the mark of an unlisted snapshot into its directory, which is open; DIRECTORY is for errors.
 */
gboolean vk_reflink_put_mark(int dirfd, const char *directory, GError **error);

/* Removes the directory of one snapshot, its clones first and the mark last. */
gboolean vk_reflink_remove_directory(const char *directory, GError **error);

/* Removes the mark, or sets it. VK_ERROR_NOT_FOUND when the directory is gone. */
gboolean vk_reflink_set_listed(const char *directory, gboolean listed, GError **error);
