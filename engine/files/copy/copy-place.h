/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Places below a directory of this host, for files whose names a guest has chosen: no symbolic link
 * is followed to them, and they appear under their names when they are whole. Functions set errno.
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>

/* A name in a directory. Both are borrowed. */
typedef struct VkPlace {
	int directory;
	const char *name;
} VkPlace;

/* Opens the directory that PLACE is, or makes it; *RET_IS_NEW says which. A descriptor, or -1. */
int vk_place_make_directory(const VkPlace *place, gboolean *ret_is_new);

/* Opens what is at PATH below ROOT, which is for vk_place_put_hard_link(). A descriptor, or -1. */
int vk_place_find(int root, const char *path);

/*
 * Makes a file without a name in the directory of PLACE, or with the name *RET_TEMPORARY (else
 * NULL) where the file system cannot. A descriptor, or -1.
 */
int vk_place_new_file(const VkPlace *place, char **ret_temporary);

/*
 * Gives the file FD, made by vk_place_new_file(), the name of PLACE. TEMPORARY is gone then.
 * Without OVERWRITE it fails with EEXIST if there is something; a directory is never replaced.
 */
gboolean vk_place_put_file(const VkPlace *place, int fd, const char *temporary, gboolean overwrite);

/* Makes a symbolic link to TARGET, or a hard link to the open file FD, likewise. */
gboolean vk_place_put_link(const VkPlace *place, const char *target, gboolean overwrite);
gboolean vk_place_put_hard_link(const VkPlace *place, int fd, gboolean overwrite);
