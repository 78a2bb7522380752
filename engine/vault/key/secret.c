/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/resource.h>

/* The keys of the packs in use are the most: far less than this. */
#define HEAP_SIZE    (1u << 18)
#define HEAP_MINIMUM 32

/* If the memory cannot be locked it is still kept apart and wiped. */
static gpointer open_heap(gpointer unused)
{
	/* 0 would not keep the kernel from passing it to a program. */
	const struct rlimit nearly_none = {1, 1};

	setrlimit(RLIMIT_CORE, &nearly_none);
	if (!CRYPTO_secure_malloc_initialized())
		CRYPTO_secure_malloc_init(HEAP_SIZE, HEAP_MINIMUM);
	return NULL;
}

void *vk_secure_new(gsize size)
{
	static GOnce once = G_ONCE_INIT;
	void *memory;

	g_once(&once, open_heap, NULL);
	memory = OPENSSL_secure_zalloc(size);
	if (!memory)
		g_error("no memory is left for keys");
	return memory;
}

void vk_secure_free(void *memory, gsize size)
{
	if (memory)
		OPENSSL_secure_clear_free(memory, size);
}

void vk_wipe(void *memory, gsize size)
{
	OPENSSL_cleanse(memory, size);
}

VkSecret *vk_secret_new(const void *bytes, gsize length)
{
	VkSecret *secret = vk_secure_new(sizeof(VkSecret) + length);

	g_assert(length <= VK_SECRET_MAX);
	secret->length = length;
	memcpy(secret->bytes, bytes, length);
	return secret;
}

gsize vk_secret_text_length(const VkSecret *secret)
{
	gsize length = secret->length;

	return length > 0 && secret->bytes[length - 1] == '\n' ? length - 1 : length;
}

gboolean vk_secret_is_passphrase(const VkSecret *secret)
{
	const char *text = (const char *)secret->bytes;
	gsize length = vk_secret_text_length(secret);

	for (gsize i = 0; i < length; i++)
		if (g_ascii_iscntrl(text[i]))
			return FALSE;
	return g_utf8_validate_len(text, length, NULL);
}

gboolean vk_secret_equal(const VkSecret *one, const VkSecret *other)
{
	return one->length == other->length &&
	       CRYPTO_memcmp(one->bytes, other->bytes, one->length) == 0;
}

void vk_secret_free(VkSecret *secret)
{
	if (secret)
		vk_secure_free(secret, sizeof(*secret) + secret->length);
}
