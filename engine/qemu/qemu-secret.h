/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkQemuSecret: a passphrase for QEMU's tools. They read it from a file in memory, which only this
 * process and its children can name. No argument, environment or disk ever has it. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkQemuSecret VkQemuSecret;

/* VALUE is copied into the file and nowhere else. */
VkQemuSecret *vk_qemu_secret_new(const void *value, gsize length, GError **error);

/* The path by which a child process opens it while it lives. Borrowed. */
const char *vk_qemu_secret_path(const VkQemuSecret *secret);

void vk_qemu_secret_free(VkQemuSecret *secret); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkQemuSecret, vk_qemu_secret_free)
