/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNewFile: a file that appears under its name only when it is whole. It is written in a directory
 * of its own beside its destination, ".NAME.virtkeep-XXXXXX", which no other user may enter. The
 * commit renames it; a free without a commit removes it. All calls use descriptors of the two
 * directories, so a user who may write to the destination's directory cannot put another file in
 * its place. A lock marks a file that is being written. A file without it is a leftover of a killed
 * process. Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* In the names of files that virtkeep makes beside those of others. */
#define VK_NEW_FILE_MARK ".virtkeep-"

typedef struct VkNewFile VkNewFile;

/* Creates the temporary file for PATH, whose directory exists. The error names PATH. */
VkNewFile *vk_new_file_create(const char *path, mode_t mode, GError **error);

/* Borrowed until the commit or the free. */
int vk_new_file_fd(const VkNewFile *file);

/*
 * The name by which this process and its children open it. Other users cannot change what it leads
 * to.
 */
const char *vk_new_file_temporary_path(const VkNewFile *file);

/*
 * Flushes, renames and flushes the directory. With REPLACE an existing file at the destination is
 * replaced atomically. Without it the existing file stays, and the call fails with VK_ERROR_EXISTS.
 * After any failure there is no new file.
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
 * Whether a killed process left the temporary directory NAME of DIRECTORY, so that no process
 * writes in it any more. FALSE also if that cannot be known, or if NAME is something else.
 */
gboolean vk_new_file_is_leftover(const char *directory, const char *name);

/* Removes this directory and its content. VK_ERROR_BUSY when it is not a leftover. */
gboolean vk_new_file_remove_leftover(const char *directory, const char *name, GError **error);
