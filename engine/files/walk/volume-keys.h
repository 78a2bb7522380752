/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of encrypted volumes, from files and from people. Threads: one at a time. */
#pragma once

#include "secret.h"

#include <glib.h>

typedef struct VkVolumeKey {
	char *volume; /* NULL: whichever it opens */
	VkSecret *secret;
} VkVolumeKey;

/* Those of a command, for all its snapshots. */
typedef struct VkVolumeKeys {
	GPtrArray *given; /* VkVolumeKey, of files */
	GPtrArray *typed; /* VkVolumeKey, that were asked for */
} VkVolumeKeys;

/* Gives those that WORDS name, "[VOLUME=]FILE". WORDS may be NULL. */
VkVolumeKeys *vk_volume_keys_new(const char *const *words, GError **error);
void vk_volume_keys_free(VkVolumeKeys *keys); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkVolumeKeys, vk_volume_keys_free)

/* Adds what is typed at the terminal. VK_ERROR_DENIED when there is none. */
gboolean vk_volume_keys_ask(VkVolumeKeys *keys, const char *volume, GError **error);
