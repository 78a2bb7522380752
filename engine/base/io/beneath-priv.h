/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls on a path below an open directory. A path with a slash in it follows no symbolic
 * link on its way and no "..", so that it cannot lead out of the directory, whoever writes there
 * meanwhile. All else is as in the system call: a path from AT_FDCWD on, an absolute one, and a
 * single name. Threads: free.
 */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

/* The last name is not followed either if the path has a slash. */
int vk_beneath_openat(int dirfd, const char *path, int flags, mode_t mode);
int vk_beneath_renameat2(int olddir, const char *old, int newdir, const char *name, unsigned flags);
int vk_beneath_linkat(int olddir, const char *old, int newdir, const char *name, int flags);
int vk_beneath_unlinkat(int dirfd, const char *path, int flags);
int vk_beneath_mkdirat(int dirfd, const char *path, mode_t mode);
/* A link is looked at itself. */
int vk_beneath_lstatat(int dirfd, const char *path, struct stat *ret);
