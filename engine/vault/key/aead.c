/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "aead.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <string.h>

static void free_context(gpointer context)
{
	EVP_CIPHER_CTX_free(context);
}

static GPrivate thread_context = G_PRIVATE_INIT(free_context);

static gpointer fetch_cipher(gpointer unused)
{
	return EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

/* This thread's context with KEY and NONCE set; ENCRYPT: 1 to seal, 0 to open. */
static EVP_CIPHER_CTX *begin(const VkKey *key, const VkNonce *nonce, const void *with,
			     gsize with_length, int encrypt)
{
	static GOnce once = G_ONCE_INIT;
	const EVP_CIPHER *cipher = g_once(&once, fetch_cipher, NULL);
	EVP_CIPHER_CTX *context = g_private_get(&thread_context);
	int unused;

	if (!context) {
		context = EVP_CIPHER_CTX_new();
		g_private_set(&thread_context, context);
	}
	if (!cipher || !context ||
	    !EVP_CipherInit_ex2(context, cipher, key->bytes, nonce->bytes, encrypt, NULL) ||
	    !EVP_CipherUpdate(context, NULL, &unused, with, (int)with_length))
		g_error("libcrypto cannot set up AES-256-GCM");
	return context;
}

VkNonce vk_nonce(guint64 number, gboolean last)
{
	VkNonce nonce = {.bytes[sizeof(number)] = last ? 1 : 0};
	guint64 little = GUINT64_TO_LE(number);

	memcpy(nonce.bytes, &little, sizeof(little));
	return nonce;
}

void vk_random_bytes(void *buf, gsize length)
{
	if (RAND_bytes(buf, (int)length) != 1)
		g_error("libcrypto has no random numbers");
}

void vk_key_derive(const void *from, gsize from_length, const void *salt, gsize salt_length,
		   const char *purpose, const void *context, gsize context_length, VkKey *ret)
{
	EVP_PKEY_CTX *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	gsize size = VK_KEY_SIZE;

	if (!kdf || EVP_PKEY_derive_init(kdf) != 1 ||
	    EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) != 1 ||
	    EVP_PKEY_CTX_set1_hkdf_key(kdf, from, (int)from_length) != 1 ||
	    EVP_PKEY_CTX_set1_hkdf_salt(kdf, salt, (int)salt_length) != 1 ||
	    /* With the zero at its end no purpose begins another one. */
	    EVP_PKEY_CTX_add1_hkdf_info(kdf, (const guint8 *)purpose, (int)strlen(purpose) + 1) !=
		    1 ||
	    (context_length > 0 &&
	     EVP_PKEY_CTX_add1_hkdf_info(kdf, context, (int)context_length) != 1) ||
	    EVP_PKEY_derive(kdf, ret->bytes, &size) != 1)
		g_error("libcrypto cannot derive a key");
	EVP_PKEY_CTX_free(kdf);
}

void vk_aead_seal(const VkKey *key, const VkNonce *nonce, const void *with, gsize with_length,
		  const void *plain, gsize length, void *ret)
{
	EVP_CIPHER_CTX *context = begin(key, nonce, with, with_length, 1);
	guint8 *out = ret;
	int done = 0, rest;

	g_assert(length <= G_MAXINT);
	if ((length > 0 && !EVP_CipherUpdate(context, out, &done, plain, (int)length)) ||
	    !EVP_CipherFinal_ex(context, out + done, &rest) ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, VK_TAG_SIZE, out + length) != 1)
		g_error("libcrypto cannot encrypt");
}

gboolean vk_aead_open(const VkKey *key, const VkNonce *nonce, const void *with, gsize with_length,
		      const void *sealed, gsize length, void *ret)
{
	EVP_CIPHER_CTX *context;
	const guint8 *in = sealed;
	guint8 *out = ret, tag[VK_TAG_SIZE];
	int done = 0, rest;

	if (length < VK_TAG_SIZE || length > G_MAXINT)
		return FALSE;
	length -= VK_TAG_SIZE;
	memcpy(tag, in + length, VK_TAG_SIZE);
	context = begin(key, nonce, with, with_length, 0);
	return (length == 0 || EVP_CipherUpdate(context, out, &done, in, (int)length)) &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, VK_TAG_SIZE, tag) == 1 &&
	       EVP_CipherFinal_ex(context, out + done, &rest) == 1;
}

void vk_key_wipe(VkKey *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}
