/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-id.h"

#include <openssl/rand.h>
#include <string.h>

VkPackId vk_pack_id_random(void)
{
	VkPackId id;

	if (RAND_bytes(id.bytes, sizeof(id.bytes)) != 1)
		g_error("libcrypto has no random bytes");
	return id;
}

guint vk_pack_id_hash(gconstpointer id)
{
	guint hash;

	memcpy(&hash, id, sizeof(hash));
	return hash;
}

gboolean vk_pack_id_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(VkPackId)) == 0;
}

guint vk_block_id_hash(gconstpointer id)
{
	return vk_pack_id_hash(id);
}

gboolean vk_block_id_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, VK_BLOCK_ID_SIZE) == 0;
}

void vk_pack_id_format(const VkPackId *id, char ret_hex[33])
{
	for (gsize i = 0; i < VK_ID_SIZE; i++)
		g_snprintf(ret_hex + 2 * i, 3, "%02x", id->bytes[i]);
}

gboolean vk_pack_id_parse(const char *hex, VkPackId *ret)
{
	if (strlen(hex) != 2 * (gsize)VK_ID_SIZE)
		return FALSE;
	for (gsize i = 0; i < VK_ID_SIZE; i++) {
		int high = g_ascii_xdigit_value(hex[2 * i]);
		int low = g_ascii_xdigit_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return FALSE;
		ret->bytes[i] = (guint8)(high << 4 | low);
	}
	return TRUE;
}
