/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkContentDigest: a digest of a file whose parts come in order. Holes and zeros are the same, and
 * cost nothing. Threads: one at a time.
 */
#pragma once

#include <glib.h>

/* Of SHA-256. */
#define VK_CONTENT_DIGEST_BYTES 32

typedef struct VkContentDigest VkContentDigest;

VkContentDigest *vk_content_digest_new(void);
void vk_content_digest_free(VkContentDigest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkContentDigest, vk_content_digest_free)

/* OFFSET is not below what came before. */
void vk_content_digest_add(VkContentDigest *digest, guint64 offset, const guint8 *bytes,
			   gsize length);

/* The digest of what came, and the begin of the next file. */
void vk_content_digest_end(VkContentDigest *digest, guint8 ret[VK_CONTENT_DIGEST_BYTES]);
