/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCacheSeal: hides what the cache of an encrypted vault says. Names become keyed hashes. A value
 * is sealed for its place and identity, so that it fits nowhere else, with AES-256-GCM and a random
 * nonce in front of it. Both keys come from the vault's key for objects. Immutable. Threads: free.
 */
#pragma once

#include "keyring.h"

#include <glib.h>

typedef struct VkCacheSeal VkCacheSeal;

/* KEYRING is borrowed during the call and has the key for objects. */
VkCacheSeal *vk_cache_seal_new(const VkKeyring *keyring);
void vk_cache_seal_free(VkCacheSeal *seal); /* takes NULL */

/* What stands for NAME. New string. */
char *vk_cache_seal_name(const VkCacheSeal *seal, const char *name);

/* VALUE sealed for PLACE. New reference. */
GBytes *vk_cache_seal_close(const VkCacheSeal *seal, const char *place, guint64 identity,
			    GBytes *value);

/* What vk_cache_seal_close() sealed; NULL: it is something else. New reference. */
GBytes *vk_cache_seal_open(const VkCacheSeal *seal, const char *place, guint64 identity,
			   GBytes *sealed);
