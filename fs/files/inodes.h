/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkInodes: one inode number for each file of all file systems below a mount, because two names
 * with one number count as one file. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkInodes VkInodes;

VkInodes *vk_inodes_new(void);
void vk_inodes_free(VkInodes *inodes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkInodes, vk_inodes_free)

/* The number of INODE on DEVICE; on the first device that is asked for it is INODE, mostly. */
guint64 vk_inodes_number(VkInodes *inodes, guint64 device, guint64 inode);
