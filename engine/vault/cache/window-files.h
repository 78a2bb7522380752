/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWindowFiles: parts of a bucket's objects in files of this host, as the bucket gave them. They
 * may be lost, stale, damaged or of somebody else: each has a checksum of its content and of what
 * it is a part of. All files of a directory together have about so many bytes as was said; those
 * that were not used for the longest go first. Nothing here fails: what cannot be kept is dropped.
 * Any number of processes may use a directory. Threads: free, but for new and free.
 */
#pragma once

#include <glib.h>

typedef struct VkWindowFiles VkWindowFiles;

/*
 * DIRECTORY is made when the first part is put. OWNER says whose objects they are: of another owner
 * nothing is got. SIZE in bytes, more than none.
 */
VkWindowFiles *vk_window_files_new(const char *directory, const char *owner, guint64 size);
void vk_window_files_free(VkWindowFiles *files); /* takes NULL */

/*
 * The PART of OBJECT, and how large the object is in bytes (nullable). New reference; NULL: it is
 * not there. FILES may be NULL here and below: there are none.
 */
GBytes *vk_window_files_get(VkWindowFiles *files, const char *object, const char *part,
			    guint64 *ret_size);

/* Keeps BYTES, of an OBJECT of SIZE bytes. PART is of letters and digits. */
void vk_window_files_put(VkWindowFiles *files, const char *object, const char *part, GBytes *bytes,
			 guint64 size);

/* Drops all parts of OBJECT. */
void vk_window_files_drop(VkWindowFiles *files, const char *object);
