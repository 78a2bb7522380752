/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of encrypted volumes, from files and from people. Threads: one at a time. */
#pragma once

#include "secret.h"

#include <glib.h>

typedef struct VkVolumeKey {
	char *volume; /* NULL: whichever it opens */
	VkSecret *secret;
} VkVolumeKey;

/* Of VkVolumeKey, which it owns: those that WORDS name, "[VOLUME=]FILE". WORDS may be NULL. */
GPtrArray *vk_volume_keys_new(const char *const *words, GError **error);

/* Adds what is typed at the terminal. VK_ERROR_DENIED when there is none. */
gboolean vk_volume_keys_ask(GPtrArray *keys, const char *volume, GError **error);
