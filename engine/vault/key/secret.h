/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSecret: a passphrase or the content of a key file, in memory that is not swapped and is wiped
 * when it is freed. Immutable. Threads: free.
 */
#pragma once

#include <glib.h>

/* A key file has at least so many bytes, and a secret at most so many. */
#define VK_KEY_FILE_MIN 32u
#define VK_SECRET_MAX   4096u

typedef struct VkSecret {
	gsize length;
	guint8 bytes[];
} VkSecret;

/*
 * Memory that is not swapped, not in a core file, and wiped when it is freed; zeroed. The process
 * writes no core file from the first call on. When there is no more of it, the process ends.
 */
void *vk_secure_new(gsize size);

/* Wipes and frees SIZE bytes of vk_secure_new(); takes NULL. */
void vk_secure_free(void *memory, gsize size);

/* Overwrites SIZE bytes of a secret in other memory. */
void vk_wipe(void *memory, gsize size);

/* Copies LENGTH bytes, at most VK_SECRET_MAX. */
VkSecret *vk_secret_new(const void *bytes, gsize length);

/*
 * Whether it is a passphrase: one line of printable text, perhaps with a line break at its end,
 * which is not part of it. All else is the content of a key file.
 */
gboolean vk_secret_is_passphrase(const VkSecret *secret);

/* Its bytes without the line break at its end. */
gsize vk_secret_text_length(const VkSecret *secret);

/* Whether both are the same, in a time that does not say where they differ. */
gboolean vk_secret_equal(const VkSecret *one, const VkSecret *other);

/* Takes NULL. */
void vk_secret_free(VkSecret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSecret, vk_secret_free)
