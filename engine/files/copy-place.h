/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Places below a directory of this host, for files whose names a guest has chosen: no symbolic link
 * is followed to them, and they appear under their names when they are whole. Functions set errno.
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>

/* A directory below ROOT, and a name in it. */
typedef struct VkPlace {
	int directory; /* -1: none */
	const char *name;
} VkPlace;

/* Finds PATH below ROOT. The directory is the caller's to close; the name is borrowed from PATH. */
gboolean vk_place_find(int root, const char *path, VkPlace *ret);
void vk_place_clear(VkPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkPlace, vk_place_clear)

/* Opens the directory PATH below ROOT, "" for ROOT itself. A descriptor, or -1. */
int vk_place_open_directory(int root, const char *path);

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

/* Makes a symbolic link to TARGET, or a hard link to OTHER, likewise. */
gboolean vk_place_put_link(const VkPlace *place, const char *target, gboolean overwrite);
gboolean vk_place_put_hard_link(const VkPlace *place, const VkPlace *other, gboolean overwrite);
