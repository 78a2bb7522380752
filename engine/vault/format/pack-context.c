/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-context.h"

#include "crc.h"

guint32 vk_pack_context_crc(const VkPackContext *context, const VkPackId *pack)
{
	guint32 crc = vk_crc32c(0, context->vault_id, VK_ID_SIZE);

	return vk_crc32c(crc, pack->bytes, VK_ID_SIZE);
}

gboolean vk_pack_context_is_sealed(const VkPackContext *context)
{
	return context->keyring || context->is_locked;
}
