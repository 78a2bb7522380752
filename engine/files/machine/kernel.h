/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Linux kernel with its modules, for QEMU. Threads: free. */
#pragma once

#include <glib.h>

/* Where that of the host is. */
#define VK_KERNEL_HOST_ROOT "/"

typedef struct VkKernel {
	char *path;      /* of the kernel itself */
	char *modules;   /* its directory of modules */
	char *forbidden; /* path of a newer one that this user may not read; NULL: none */
} VkKernel;

/*
 * Finds the newest kernel below the directory ROOT: boot/vmlinuz-RELEASE, or vmlinuz beside the
 * modules, which are in lib/modules/RELEASE. One that this user may not read is passed over. *RET
 * is the caller's to clear. VK_ERROR_NOT_FOUND if there is none, VK_ERROR_DENIED if none can be
 * read.
 */
gboolean vk_kernel_find(const char *root, VkKernel *ret, GError **error);
void vk_kernel_clear(VkKernel *kernel);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkKernel, vk_kernel_clear)
