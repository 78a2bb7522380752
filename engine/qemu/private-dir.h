/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPrivateDir: a fresh directory of mode 0700 for one socket. It is locked while it is in use, so
 * that the next process knows the directories of killed ones and removes them. Threads: one at a
 * time.
 */
#pragma once

#include <glib.h>

typedef struct VkPrivateDir VkPrivateDir;

VkPrivateDir *vk_private_dir_new(GError **error);
const char *vk_private_dir_socket(const VkPrivateDir *dir); /* path for the socket; borrowed */

/* Removes the socket and the directory. Takes NULL. */
void vk_private_dir_free(VkPrivateDir *dir);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPrivateDir, vk_private_dir_free)
