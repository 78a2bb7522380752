/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "content-digest.h"

#include <string.h>

#define BLOCK_BYTES 65536

/* It is that of the numbers and bytes of all aligned blocks that are not zeros. */
struct VkContentDigest {
	GChecksum *sum;
	guint64 number; /* of the block that is filled */
	gboolean dirty; /* it may have other bytes than zeros */
	guint8 block[BLOCK_BYTES];
};

VkContentDigest *vk_content_digest_new(void)
{
	VkContentDigest *digest = g_new0(VkContentDigest, 1);

	digest->sum = g_checksum_new(G_CHECKSUM_SHA256);
	return digest;
}

void vk_content_digest_free(VkContentDigest *digest)
{
	if (!digest)
		return;
	g_checksum_free(digest->sum);
	g_free(digest);
}

static void end_block(VkContentDigest *digest)
{
	static const guint8 zeros[BLOCK_BYTES];
	guint64 number = GUINT64_TO_LE(digest->number);

	if (!digest->dirty)
		return;
	if (memcmp(digest->block, zeros, BLOCK_BYTES) != 0) {
		g_checksum_update(digest->sum, (const guchar *)&number, sizeof(number));
		g_checksum_update(digest->sum, digest->block, BLOCK_BYTES);
		memset(digest->block, 0, BLOCK_BYTES);
	}
	digest->dirty = FALSE;
}

void vk_content_digest_add(VkContentDigest *digest, guint64 offset, const guint8 *bytes,
			   gsize length)
{
	while (length > 0) {
		gsize within = offset % BLOCK_BYTES;
		gsize part = MIN(length, BLOCK_BYTES - within);

		if (offset / BLOCK_BYTES != digest->number)
			end_block(digest);
		digest->number = offset / BLOCK_BYTES;
		digest->dirty = TRUE;
		memcpy(digest->block + within, bytes, part);
		offset += part;
		bytes += part;
		length -= part;
	}
}

void vk_content_digest_end(VkContentDigest *digest, guint8 ret[VK_CONTENT_DIGEST_BYTES])
{
	gsize length = VK_CONTENT_DIGEST_BYTES;

	end_block(digest);
	g_checksum_get_digest(digest->sum, ret, &length);
	g_checksum_reset(digest->sum);
	digest->number = 0;
}
