/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory to mount on: whether it will do, and taking a mount off it. Threads: free.
 */
#pragma once

#include <glib.h>

/* The types of mounts behind "fuse.": of a vault, and of the files of a guest. */
#define VK_MOUNT_SUBTYPE "virtkeep-mount"
#define VK_FILES_SUBTYPE "virtkeep-files"

/* What is mounted on a directory, by libmount. */
typedef struct VkMountFound {
	char *type;
	char *source;
	guint64 device; /* dev_t */
} VkMountFound;

void vk_mount_found_free(VkMountFound *found);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMountFound, vk_mount_found_free)

/* Whether a program of virtkeep has made it. */
gboolean vk_mount_found_is_ours(const VkMountFound *found);

/*
 * *RET_FOUND is the topmost mount on the resolved PATH, NULL if it is not a mount point. MOUNTINFO
 * is NULL for /proc/self/mountinfo, or a file of that form for tests.
 */
gboolean vk_mountpoint_find(const char *mountinfo, const char *path, VkMountFound **ret_found,
			    GError **error);

/*
 * Returns the resolved PATH, fit to be mounted on. A dead mount of virtkeep is detached first,
 * with a warning. VAULT is the vault's directory or NULL. VK_ERROR_NOT_FOUND: missing;
 * VK_ERROR_BUSY: something is mounted there; VK_ERROR_USAGE: not a directory, or one of PATH and
 * VAULT is, or lies below, the other (also through bind mounts), because reading would then need
 * what is being mounted; VK_ERROR_FAILED: not empty (unless ALLOW_CONTENT), or no permission.
 */
char *vk_mountpoint_prepare(const char *path, const char *vault, gboolean allow_content,
			    GError **error);

/*
 * Detaches the topmost mount of PATH at once. Files that are open there stay open. Without root it
 * uses fusermount3.
 */
gboolean vk_mountpoint_detach(const char *path, GError **error);
