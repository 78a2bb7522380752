/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AES-256-GCM (NIST SP 800-38D) and HKDF-SHA-256 (RFC 5869) by libcrypto. If the library cannot do
 * one of them, the process ends. Threads: free.
 */
#pragma once

#include <glib.h>

#define VK_KEY_SIZE   32u
#define VK_TAG_SIZE   16u
#define VK_NONCE_SIZE 12u

typedef struct VkKey {
	guint8 bytes[VK_KEY_SIZE];
} VkKey;

/* With one key, no two texts may have the same number. */
typedef struct VkNonce {
	guint8 bytes[VK_NONCE_SIZE];
} VkNonce;

/* The number as the nonce's first 8 bytes, little-endian, and LAST in the next one. */
VkNonce vk_nonce(guint64 number, gboolean last);

/* Bytes that no one can guess. */
void vk_random_bytes(void *buf, gsize length);

/*
 * Derives a key for PURPOSE from the secret FROM, which has FROM_LENGTH bytes. SALT has SALT_LENGTH
 * bytes and is public. CONTEXT says what the key is for, within the purpose.
 */
void vk_key_derive(const void *from, gsize from_length, const void *salt, gsize salt_length,
		   const char *purpose, const void *context, gsize context_length, VkKey *ret);

/*
 * Seals LENGTH bytes of PLAIN into RET, of LENGTH + VK_TAG_SIZE bytes. WITH, of WITH_LENGTH bytes,
 * is not in the result, but has to be the same when it is opened.
 */
void vk_aead_seal(const VkKey *key, const VkNonce *nonce, const void *with, gsize with_length,
		  const void *plain, gsize length, void *ret);

/*
 * Opens LENGTH bytes of SEALED, with the tag, into RET, of LENGTH - VK_TAG_SIZE bytes. FALSE when
 * they are not what was sealed with this key, nonce and WITH. RET is of no use then.
 */
gboolean vk_aead_open(const VkKey *key, const VkNonce *nonce, const void *with, gsize with_length,
		      const void *sealed, gsize length, void *ret);

/* Overwrites a key that is not needed any more. */
void vk_key_wipe(VkKey *key);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkKey, vk_key_wipe)
