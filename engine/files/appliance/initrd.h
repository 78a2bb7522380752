/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkInitrd: the file system in which the appliance's kernel begins, as an archive that is put
 * together from files of this host. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkInitrd VkInitrd;

VkInitrd *vk_initrd_new(GError **error);
void vk_initrd_free(VkInitrd *initrd); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkInitrd, vk_initrd_free)

/* Adds LENGTH bytes as the file PATH, which has no '/' in front, with its directories. */
gboolean vk_initrd_add(VkInitrd *initrd, const char *path, guint mode, const void *bytes,
		       gsize length, GError **error);

/* Adds a copy of the host's file SOURCE. VK_ERROR_NOT_FOUND when there is none. */
gboolean vk_initrd_add_file(VkInitrd *initrd, const char *path, const char *source, GError **error);

/*
 * Adds a program of the host as bin/NAME, with its libraries. VK_ERROR_NOT_FOUND when it is not
 * installed.
 */
gboolean vk_initrd_add_program(VkInitrd *initrd, const char *name, GError **error);

/*
 * Adds those of the kernel modules NAMES that DIRECTORY (of one kernel) has, with those that they
 * need, and the list "modules" of all in the order of loading.
 */
gboolean vk_initrd_add_modules(VkInitrd *initrd, const char *directory, const char *const *names,
			       GError **error);

/* Ends the archive. Returns a descriptor of it, which the caller closes; -1 on failure. */
int vk_initrd_end(VkInitrd *initrd, GError **error);
