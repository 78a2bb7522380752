/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-keys.h"

#include "errors.h"
#include "secret.h"

#include <string.h>

struct VkPackKeys {
	guint8 vault_id[VK_ID_SIZE];
	VkKey maps;
	VkKey blocks;
	gboolean has_blocks; /* and can open and seal them */
};

static void derive(const VkKeyring *keyring, VkKeyKind kind, const VkPackHeader *header,
		   const char *purpose, VkKey *ret)
{
	vk_keyring_derive(keyring, kind, header->salt, purpose, header->pack_id, VK_ID_SIZE, ret);
}

static VkPackKeys *keys_new(const VkKeyring *keyring, const VkPackHeader *header)
{
	VkPackKeys *keys = vk_secure_new(sizeof(*keys));

	memcpy(keys->vault_id, header->vault_id, VK_ID_SIZE);
	derive(keyring, VK_KEY_MAPS, header, "virtkeep pack maps", &keys->maps);
	return keys;
}

static void derive_blocks(VkPackKeys *keys, const VkKeyring *keyring, const VkPackHeader *header)
{
	derive(keyring, VK_KEY_BLOCKS, header, "virtkeep pack blocks", &keys->blocks);
	keys->has_blocks = TRUE;
}

VkPackKeys *vk_pack_keys_new(const VkKeyring *keyring, VkPackHeader *header)
{
	VkPackKeys *keys;

	header->cipher = VK_CIPHER_AES_256_GCM;
	header->kdf = VK_KDF_HKDF_SHA256;
	vk_random_bytes(header->salt, sizeof(header->salt));
	keys = keys_new(keyring, header);
	if (vk_keyring_get(keyring, VK_KEY_BLOCKS)) {
		derive_blocks(keys, keyring, header);
		return keys;
	}
	vk_random_bytes(keys->blocks.bytes, VK_KEY_SIZE);
	keys->has_blocks = TRUE;
	header->wrap_type = GUINT16_TO_LE(VK_WRAP_X25519);
	header->wrap_length = GUINT16_TO_LE(VK_WRAPPED_SIZE);
	vk_keyring_wrap(keyring, &keys->blocks, header->wrapped);
	return keys;
}

VkPackKeys *vk_pack_keys_open(const VkKeyring *keyring, const VkPackHeader *header,
			      const char *object, GError **error)
{
	VkPackKeys *keys = keys_new(keyring, header);

	if (header->wrap_type == GUINT16_TO_LE(VK_WRAP_NONE)) {
		if (vk_keyring_get(keyring, VK_KEY_BLOCKS))
			derive_blocks(keys, keyring, header);
		return keys;
	}
	if (!vk_keyring_get(keyring, VK_KEY_PRIVATE))
		return keys;
	if (vk_keyring_unwrap(keyring, header->wrapped, &keys->blocks)) {
		keys->has_blocks = TRUE;
		return keys;
	}
	vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: the key of its blocks", object);
	vk_pack_keys_free(keys);
	return NULL;
}

void vk_pack_keys_free(VkPackKeys *keys)
{
	vk_secure_free(keys, sizeof(*keys));
}

static gboolean is_block(guint32 length_flags)
{
	return ((length_flags >> VK_SLOT_FLAG_SHIFT) & VK_SLOT_KIND) == VK_SLOT_KIND_DATA;
}

gboolean vk_pack_keys_can_open(const VkPackKeys *keys, guint32 length_flags)
{
	return keys->has_blocks || !is_block(length_flags);
}

/* What a slot is sealed with: no payload can take the place of another. */
typedef struct Place {
	guint8 vault_id[VK_ID_SIZE];
	guint8 pack_id[VK_ID_SIZE];
	guint32 slot;
	guint32 length_flags;
} Place;
G_STATIC_ASSERT(sizeof(Place) == 40);

static Place place_of(const VkPackKeys *keys, const VkPackId *pack, guint32 slot,
		      guint32 length_flags)
{
	Place place = {.slot = GUINT32_TO_LE(slot), .length_flags = GUINT32_TO_LE(length_flags)};

	memcpy(place.vault_id, keys->vault_id, VK_ID_SIZE);
	memcpy(place.pack_id, pack->bytes, VK_ID_SIZE);
	return place;
}

void vk_pack_keys_seal(const VkPackKeys *keys, const VkPackId *pack, guint32 slot,
		       guint32 length_flags, const void *plain, gsize length, void *ret)
{
	Place place = place_of(keys, pack, slot, length_flags);
	VkNonce nonce = vk_nonce(slot, FALSE);

	vk_aead_seal(is_block(length_flags) ? &keys->blocks : &keys->maps, &nonce, &place,
		     sizeof(place), plain, length, ret);
}

gboolean vk_pack_keys_open_slot(const VkPackKeys *keys, const VkPackId *pack, guint32 slot,
				guint32 length_flags, const void *sealed, void *ret)
{
	Place place = place_of(keys, pack, slot, length_flags);
	VkNonce nonce = vk_nonce(slot, FALSE);

	return vk_aead_open(is_block(length_flags) ? &keys->blocks : &keys->maps, &nonce, &place,
			    sizeof(place), sealed, length_flags & VK_SLOT_LENGTH_MASK, ret);
}

static void table_key(const VkKeyring *keyring, const VkPackHeader *header, const guint8 *salt,
		      VkKey *ret)
{
	vk_keyring_derive(keyring, VK_KEY_MAPS, salt, "virtkeep pack table", header->pack_id,
			  VK_ID_SIZE, ret);
}

void vk_pack_table_seal(const VkKeyring *keyring, const VkPackHeader *header,
			VkPackTrailer *trailer, const void *plain, gsize length, void *ret)
{
	VkNonce nonce = vk_nonce(0, FALSE);
	g_auto(VkKey) key = {0};

	vk_random_bytes(trailer->table_salt, sizeof(trailer->table_salt));
	table_key(keyring, header, trailer->table_salt, &key);
	vk_aead_seal(&key, &nonce, header, sizeof(*header), plain, length, ret);
}

gboolean vk_pack_table_open(const VkKeyring *keyring, const VkPackHeader *header,
			    const VkPackTrailer *trailer, const void *sealed, gsize length,
			    void *ret)
{
	VkNonce nonce = vk_nonce(0, FALSE);
	g_auto(VkKey) key = {0};

	table_key(keyring, header, trailer->table_salt, &key);
	return vk_aead_open(&key, &nonce, header, sizeof(*header), sealed, length, ret);
}
