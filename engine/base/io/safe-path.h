/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths through directories that less trusted users may write to. Only root and the program's own
 * user are trusted: a path is safe if they alone can change where it leads. Threads: free.
 */
#pragma once

#include <glib.h>

/*
 * Opens PATH with FLAGS and O_CLOEXEC. It follows a symbolic link, on the way or at the end, only
 * if no other user can have made it. Returns a file descriptor, or -1; VK_ERROR_NOT_FOUND when
 * there is nothing. Opening a FIFO or a device blocks or has effects unless FLAGS forbid it.
 */
int vk_safe_open(const char *path, int flags, GError **error);

/* FALSE when another user can change PATH or where it leads; the error names what he can change. */
gboolean vk_safe_check(const char *path, GError **error);

/*
 * PATH without symbolic links, which are followed as above. Its end need not exist. New string.
 * Open it with vk_safe_open(), because it may have changed by then.
 */
char *vk_safe_path(const char *path, GError **error);
