/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkInitrd: what the appliance's kernel begins with, as it is put together: the archive of its
 * first file system, or a disc with more files. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkInitrd VkInitrd;

/* A new one, with the program INIT of this host as its file "init". NULL on failure. */
VkInitrd *vk_initrd_new(const char *init, GError **error);

/*
 * A new disc, which is empty. Its kernel needs isofs. Unlike those of an archive, its files take
 * memory only while they are used.
 */
VkInitrd *vk_initrd_new_disc(GError **error);

void vk_initrd_free(VkInitrd *initrd); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkInitrd, vk_initrd_free)

/* Adds the file PATH, which is relative, with LENGTH bytes, and the directories that it is in. */
gboolean vk_initrd_add(VkInitrd *initrd, const char *path, const void *bytes, gsize length,
		       GError **error);

/* The same with the content of the file SOURCE of this host. */
gboolean vk_initrd_add_file(VkInitrd *initrd, const char *path, const char *source, GError **error);

/*
 * Ends it: nothing can be added then. Returns a descriptor of the archive or disc, which nobody can
 * change and the caller closes; -1 on failure.
 */
int vk_initrd_end(VkInitrd *initrd, GError **error);
