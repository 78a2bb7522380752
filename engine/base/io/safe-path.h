/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths through directories that less trusted users may write to. Only root and the program's own
 * user are trusted: what they alone may change leads where they want. Threads: free.
 */
#pragma once

#include <glib.h>

/*
 * Opens PATH with FLAGS and O_CLOEXEC. A symbolic link on the way, or at its end, is followed only
 * where nobody else could have made it. Returns a file descriptor, or -1; VK_ERROR_NOT_FOUND when
 * there is nothing. Opening a FIFO or a device blocks or has effects unless FLAGS forbid it.
 */
int vk_safe_open(const char *path, int flags, GError **error);

/*
 * FALSE when anybody else may change PATH, or where it leads; the error names what he may change.
 */
gboolean vk_safe_check(const char *path, GError **error);

/*
 * PATH without symbolic links, which are followed as above. Its end need not exist. New string; to
 * be used with vk_safe_open() again, for it may have changed by then.
 */
char *vk_safe_path(const char *path, GError **error);
