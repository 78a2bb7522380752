/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects, names and cache entries of an encrypted vault. What anybody wrote there opens nothing;
 * what was sealed comes back whole, in any part.
 */
#include "cache-seal.h"
#include "fuzz-keys.h"
#include "fuzz.h"
#include "input-store.h"
#include "sealed-names.h"
#include "sealed-store.h"

#define OBJECT "hints/00112233445566778899aabbccddeeff"
#define PLACE  "shelf/folder/name"

/* A header that begins as one does, so that what follows is looked at. */
static void repair(GByteArray *bytes)
{
	const VkSealedHeader header = {.magic = VK_SEALED_MAGIC,
				       .version = GUINT16_TO_LE(1),
				       .header_length = GUINT16_TO_LE(sizeof(VkSealedHeader))};

	if (bytes->len >= sizeof(header))
		memcpy(bytes->data, &header, G_STRUCT_OFFSET(VkSealedHeader, salt));
}

static void open_foreign(VkStore *outside, VkStore *sealed, const uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	g_byte_array_append(bytes, data, (guint)size);
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GBytes) content = NULL;

		input_store_add(outside, OBJECT, bytes->data, bytes->len);
		content = vk_store_get_all(sealed, OBJECT, 1u << 20, NULL);
		g_assert(!content || (size == 0 && g_bytes_get_size(content) == 0));
		repair(bytes);
	}
}

static void seal_and_open(VkStore *sealed, const uint8_t *data, size_t size)
{
	struct iovec part = {.iov_base = (void *)(gsize)data, .iov_len = size};
	g_autoptr(GBytes) expected = g_bytes_new(data, size);
	g_autoptr(GBytes) content = NULL;
	g_autofree guint8 *middle = g_malloc(size + 1);
	gsize at = size / 3, length = size / 2;

	sealed->ops->delete (sealed, OBJECT, NULL);
	g_assert(vk_store_put(sealed, OBJECT, &part, 1, VK_PUT_NOW, NULL));
	content = vk_store_get_all(sealed, OBJECT, size, NULL);
	g_assert(content && g_bytes_equal(content, expected));
	g_assert(sealed->ops->get(sealed, OBJECT, at, middle, length, NULL));
	g_assert(length == 0 || memcmp(middle, data + at, length) == 0);
}

static void decode_names(const VkKeyring *keyring, const uint8_t *data, size_t size)
{
	VkSealedNames *names = vk_sealed_names_new(keyring);
	g_autofree char *name = g_strndup((const char *)data, size);

	g_free(vk_sealed_names_outside(names, "snaps", name));
	g_free(vk_sealed_names_outside(names, "packs", name));
	g_free(vk_sealed_names_inside(names, name));
	vk_sealed_names_free(names);
}

static void open_cached(const VkKeyring *keyring, const uint8_t *data, size_t size)
{
	VkCacheSeal *seal = vk_cache_seal_new(keyring);
	g_autoptr(GBytes) value = g_bytes_new(data, size);
	g_autoptr(GBytes) closed = vk_cache_seal_close(seal, PLACE, 1, value);
	g_autoptr(GBytes) opened = vk_cache_seal_open(seal, PLACE, 1, closed);

	g_assert(opened && g_bytes_equal(opened, value));
	g_assert(!vk_cache_seal_open(seal, PLACE, 2, closed));
	g_assert(!vk_cache_seal_open(seal, PLACE, 1, value));
	vk_cache_seal_free(seal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(VkKeyring) keyring = fuzz_keyring_new();
	VkStore *outside = input_store_new();
	VkStore *sealed = vk_sealed_store_new(outside, keyring);

	open_foreign(outside, sealed, data, size);
	seal_and_open(sealed, data, size);
	decode_names(keyring, data, size);
	open_cached(keyring, data, size);
	sealed->ops->free(sealed);
	return 0;
}
