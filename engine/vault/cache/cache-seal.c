/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cache-seal.h"

#include "secret.h"

#include <string.h>

/* Hex digits of a hash: 128 bits are enough for no two names to meet. */
#define NAME_LENGTH 32u

struct VkCacheSeal {
	VkKey names, values;
};

VkCacheSeal *vk_cache_seal_new(const VkKeyring *keyring)
{
	static const guint8 no_salt[16];
	VkCacheSeal *seal = vk_secure_new(sizeof(*seal));

	vk_keyring_derive(keyring, VK_KEY_OBJECTS, no_salt, "virtkeep cache names", NULL, 0,
			  &seal->names);
	vk_keyring_derive(keyring, VK_KEY_OBJECTS, no_salt, "virtkeep cache", NULL, 0,
			  &seal->values);
	return seal;
}

void vk_cache_seal_free(VkCacheSeal *seal)
{
	vk_secure_free(seal, sizeof(*seal));
}

char *vk_cache_seal_name(const VkCacheSeal *seal, const char *name)
{
	char *hash = g_compute_hmac_for_string(G_CHECKSUM_SHA256, seal->names.bytes, VK_KEY_SIZE,
					       name, -1);

	hash[NAME_LENGTH] = '\0';
	return hash;
}

/* What a value is bound to. */
static GByteArray *bind_value(const char *place, guint64 identity)
{
	GByteArray *with = g_byte_array_new();
	guint64 little = GUINT64_TO_LE(identity);

	g_byte_array_append(with, (const guint8 *)&little, sizeof(little));
	g_byte_array_append(with, (const guint8 *)place, (guint)strlen(place));
	return with;
}

GBytes *vk_cache_seal_close(const VkCacheSeal *seal, const char *place, guint64 identity,
			    GBytes *value)
{
	g_autoptr(GByteArray) with = bind_value(place, identity);
	gsize length;
	const void *plain = g_bytes_get_data(value, &length);
	guint8 *sealed = g_malloc(VK_NONCE_SIZE + length + VK_TAG_SIZE);
	VkNonce nonce;

	vk_random_bytes(nonce.bytes, sizeof(nonce.bytes));
	memcpy(sealed, nonce.bytes, VK_NONCE_SIZE);
	vk_aead_seal(&seal->values, &nonce, with->data, with->len, plain, length,
		     sealed + VK_NONCE_SIZE);
	return g_bytes_new_take(sealed, VK_NONCE_SIZE + length + VK_TAG_SIZE);
}

GBytes *vk_cache_seal_open(const VkCacheSeal *seal, const char *place, guint64 identity,
			   GBytes *sealed)
{
	g_autoptr(GByteArray) with = bind_value(place, identity);
	g_autofree guint8 *plain = NULL;
	gsize length;
	const guint8 *bytes = g_bytes_get_data(sealed, &length);
	VkNonce nonce;

	if (length < VK_NONCE_SIZE + VK_TAG_SIZE)
		return NULL;
	memcpy(nonce.bytes, bytes, VK_NONCE_SIZE);
	length -= VK_NONCE_SIZE;
	plain = g_malloc(length);
	if (!vk_aead_open(&seal->values, &nonce, with->data, with->len, bytes + VK_NONCE_SIZE,
			  length, plain))
		return NULL;
	return g_bytes_new_take(g_steal_pointer(&plain), length - VK_TAG_SIZE);
}
