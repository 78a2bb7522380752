/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNewFile: a file that appears under its name only when it is whole. It is written in a directory
 * of its own beside its destination, ".NAME.virtkeep-XXXXXX", which nobody else may enter, and
 * renamed by the commit; freed without a commit, it is removed. All goes by descriptors of the two
 * directories: who may write to the destination's cannot have another file written in its place.
 * A lock marks a file that is being written, so that it is no leftover of a killed process.
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct VkNewFile VkNewFile;

/* Creates the temporary file for PATH, whose directory exists. The error names PATH. */
VkNewFile *vk_new_file_create(const char *path, mode_t mode, GError **error);

/* Borrowed until the commit or the free. */
int vk_new_file_fd(const VkNewFile *file);

/* The name by which this process and its children open it; safe from others, too. */
const char *vk_new_file_temporary_path(const VkNewFile *file);

/*
 * Flushes, renames and flushes the directory. With REPLACE an existing file at the destination is
 * replaced atomically, without it the existing file stays and VK_ERROR_EXISTS is
 * the answer. After any failure there is no new file.
 */
gboolean vk_new_file_commit(VkNewFile *file, gboolean replace, GError **error);

/* Takes NULL. Removes the temporary file unless committed. */
void vk_new_file_free(VkNewFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNewFile, vk_new_file_free)

/* BASE, cut so that it fits into a file's name, and MARK behind it. New string. */
char *vk_new_file_decorated(const char *base, const char *mark);

/* The name of a file called BASE once it was replaced at TIME, and whether NAME is one for BASE. */
char *vk_new_file_replaced_name(const char *base, const char *time);
gboolean vk_new_file_is_replaced(const char *name, const char *base);

/* Whether NAME is that of the temporary directory of a file called BASE. */
gboolean vk_new_file_is_temporary(const char *name, const char *base);

/*
 * Whether a killed process left the temporary directory NAME of DIRECTORY: nobody writes in it any
 * more. FALSE as well where that cannot be known, or NAME is something else.
 */
gboolean vk_new_file_is_leftover(const char *directory, const char *name);

/* Removes such a directory and what is in it. VK_ERROR_BUSY when it is no leftover. */
gboolean vk_new_file_remove_leftover(const char *directory, const char *name, GError **error);
