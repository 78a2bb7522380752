/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHasher: the ids of blocks, SHA-256 of their bytes, or in an encrypted vault HMAC-SHA-256 under
 * its key for ids, so that nobody else can tell whether a block is there. Where the processor has
 * wide registers it hashes several blocks side by side, which is up to three times as fast as one
 * after another. One for each thread.
 */
#pragma once

#include "aead.h"
#include "format.h"

#include <glib.h>

/* How many blocks fill the widest registers. */
#define VK_HASHER_LANES 16u

typedef struct VkHasher VkHasher;

/* A block of which the id is wanted: LENGTH bytes of DATA, at most VK_BLOCK_SIZE. */
typedef struct VkHashed {
	const void *data;
	gsize length;
	VkBlockId id;
} VkHashed;

/* KEY: of the HMAC, copied; NULL: plain SHA-256. */
VkHasher *vk_hasher_new(const VkKey *key);
void vk_hasher_free(VkHasher *hasher); /* takes NULL */

/*
 * Fills in the ids of COUNT blocks; VK_HASHER_LANES of them at once go best. The first call of a
 * process with several blocks tests the lanes, which takes some milliseconds. If the library cannot
 * hash, the process ends.
 */
void vk_hasher_run(VkHasher *hasher, VkHashed *blocks, guint count);

/* The same of a single one. */
VkBlockId vk_hasher_id(VkHasher *hasher, const void *data, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHasher, vk_hasher_free)
