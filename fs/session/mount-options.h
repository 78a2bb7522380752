/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words behind -o: this program's, libfuse's, and words that mount(8) and mount.fuse3 add and
 * that mean nothing here. Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#define VK_MOUNT_THREADS_MAX 256u

typedef struct VkMountOptions {
	uid_t uid; /* owner of the files */
	gid_t gid;
	mode_t umask;      /* what the modes of files and directories lack */
	char *guests;      /* the guests to show, a pattern of glob(7); NULL: all; owned */
	guint64 cache_mib; /* memory for blocks, in MiB; 0: as the settings say */
	guint threads;     /* that serve at most; 0: the program decides */
	gboolean nonempty; /* mount over a directory with content */
	gboolean allow_other;
	gboolean allow_root;
} VkMountOptions;

/*
 * WORDS: the arguments of all -o, NULL-terminated, or NULL. RET has the defaults before, which stay
 * after a failure. VK_ERROR_USAGE names a word that is not known, or whose value is not.
 */
gboolean vk_mount_options_parse(const char *const *words, VkMountOptions *ret, GError **error);
void vk_mount_options_clear(VkMountOptions *options);

/*
 * The option string for libfuse. SUBTYPE is what the list of mounts is to show as the type behind
 * "fuse.", SOURCE as mounted. New string.
 */
char *vk_mount_options_session(const VkMountOptions *options, const char *subtype,
			       const char *source);
