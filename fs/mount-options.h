/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words behind -o: this program's, libfuse's, and words that mount(8) and mount.fuse3 add and
 * that mean nothing here. Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct VkMountOptions {
	uid_t uid; /* owner of the files; by default the mounting user */
	gid_t gid;
	gboolean nonempty; /* mount over a directory with content */
	char *session;     /* the option string for libfuse; owned */
} VkMountOptions;

/*
 * WORDS: the arguments of all -o, NULL-terminated, or NULL. SOURCE is what the list of mounts is to
 * show as mounted. VK_ERROR_USAGE names a word that is not known.
 */
gboolean vk_mount_options_parse(const char *const *words, const char *source, VkMountOptions *ret,
				GError **error);
void vk_mount_options_clear(VkMountOptions *options);
