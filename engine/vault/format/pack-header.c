/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-header.h"

#include "crc.h"
#include "errors.h"

#include <string.h>

static gboolean damaged(const char *object, const char *what, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", object, what);
}

static gboolean is_known(const VkPackHeader *header, gboolean is_sealed)
{
	guint16 wrap = GUINT16_FROM_LE(header->wrap_type);

	if (GUINT16_FROM_LE(header->version) != VK_FORMAT_VERSION)
		return FALSE;
	if (!is_sealed)
		return header->cipher == VK_CIPHER_NONE;
	return header->cipher == VK_CIPHER_AES_256_GCM && header->kdf == VK_KDF_HKDF_SHA256 &&
	       header->key_generation == 0 && (wrap == VK_WRAP_NONE || wrap == VK_WRAP_X25519);
}

gboolean vk_pack_header_check(const VkPackHeader *header, const VkPackContext *context,
			      const VkPackId *id, const char *object, GError **error)
{
	gboolean is_sealed = vk_pack_context_is_sealed(context);

	if (memcmp(header->magic, VK_PACK_MAGIC, sizeof(header->magic)) != 0)
		return damaged(object, "it does not begin as a pack", error);
	if (GUINT32_FROM_LE(header->crc32c) !=
	    vk_crc32c(0, header, G_STRUCT_OFFSET(VkPackHeader, crc32c)))
		return damaged(object, "checksum of its header", error);
	if (memcmp(header->vault_id, context->vault_id, VK_ID_SIZE) != 0)
		return damaged(object, "it belongs to another vault", error);
	if (memcmp(header->pack_id, id->bytes, VK_ID_SIZE) != 0)
		return damaged(object, "it is another pack under this name", error);
	if (is_sealed && header->cipher == VK_CIPHER_NONE)
		return damaged(object, "it is not encrypted, unlike the vault", error);
	return is_known(header, is_sealed) ||
	       vk_fail(error, VK_ERROR_FAILED, "'%s' needs a newer virtkeep", object);
}
