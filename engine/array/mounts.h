/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which mount and file system a path lies on, by libmount. Immutable once loaded. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkMounts VkMounts;

typedef struct VkMountFacts {
	char *mountpoint;
	char *fstype; /* "xfs", "nfs4", ... */
	char *source; /* "/dev/sdb1", "filer:/vol/vm", ... */
	char *root;   /* the part of the source that is mounted: "/", or a directory */
} VkMountFacts;

/* Reads /proc/self/mountinfo, or the file of that form named by MOUNTINFO (for tests). */
VkMounts *vk_mounts_load(const char *mountinfo, GError **error);
void vk_mounts_free(VkMounts *mounts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMounts, vk_mounts_free)

/* All of a file system whose name begins with TYPE. Returns const VkMountFacts*, borrowed. */
GPtrArray *vk_mounts_of_type(const VkMounts *mounts, const char *type);

/* The mount of PATH, which is resolved first. NULL with an error when it is not there. */
VkMountFacts *vk_mounts_find(VkMounts *mounts, const char *path, GError **error);
void vk_mount_facts_free(VkMountFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkMountFacts, vk_mount_facts_free)
