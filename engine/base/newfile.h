/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNewFile: a file that appears under its name only when it is whole. It is written beside its
 * destination under a temporary name (".NAME.virtkeep-XXXXXX") and renamed by the commit; freed
 * without a commit, it is removed. Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct VkNewFile VkNewFile;

/* Creates the temporary file in the directory of PATH. The error names PATH. */
VkNewFile *vk_new_file_create(const char *path, mode_t mode, GError **error);

/* Borrowed until the commit or the free. */
int vk_new_file_fd(const VkNewFile *file);
const char *vk_new_file_temporary_path(const VkNewFile *file);

/*
 * Flushes, renames and flushes the directory. With REPLACE an existing file at the destination is
 * replaced atomically, without it VK_ERROR_EXISTS is the answer and the existing file stays.
 */
gboolean vk_new_file_commit(VkNewFile *file, gboolean replace, GError **error);

/* Takes NULL. Removes the temporary file unless committed. */
void vk_new_file_free(VkNewFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNewFile, vk_new_file_free)
