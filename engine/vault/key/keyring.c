/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyring.h"

#include "secret.h"

#include <openssl/evp.h>
#include <string.h>

#define SALT_SIZE 16u

struct VkKeyring {
	VkRole role;
	guint8 vault_id[VK_KEYRING_ID_SIZE];
	VkKey keys[VK_N_KEYS]; /* zeros where it has none */
};

#define BIT(kind) (1u << (kind))

static const struct {
	const char *word;
	guint keys;
} roles[] = {
	[VK_ROLE_FULL] = {"full", BIT(VK_N_KEYS) - 1},
	[VK_ROLE_BACKUP] = {"backup", BIT(VK_KEY_IDS) | BIT(VK_KEY_MAPS) | BIT(VK_KEY_OBJECTS) |
					      BIT(VK_KEY_BLOCKS)},
	[VK_ROLE_RESTORE] = {"restore", BIT(VK_KEY_MAPS) | BIT(VK_KEY_OBJECTS) |
						BIT(VK_KEY_BLOCKS) | BIT(VK_KEY_PRIVATE)},
	[VK_ROLE_COLLECT] = {"collect", BIT(VK_KEY_MAPS) | BIT(VK_KEY_OBJECTS)},
	[VK_ROLE_APPEND] = {"append", BIT(VK_KEY_IDS) | BIT(VK_KEY_MAPS) | BIT(VK_KEY_OBJECTS) |
					      BIT(VK_KEY_PUBLIC)},
};

const char *vk_role_word(VkRole role)
{
	return roles[role].word;
}

gboolean vk_role_parse(const char *word, VkRole *ret)
{
	for (guint i = 0; i < VK_N_ROLES; i++)
		if (strcmp(roles[i].word, word) == 0) {
			*ret = (VkRole)i;
			return TRUE;
		}
	return FALSE;
}

static VkKeyring *keyring_new(const guint8 *vault_id, VkRole role)
{
	VkKeyring *keyring = vk_secure_new(sizeof(VkKeyring));

	keyring->role = role;
	memcpy(keyring->vault_id, vault_id, VK_KEYRING_ID_SIZE);
	return keyring;
}

/* RET_PRIVATE and RET_PUBLIC get a new pair; NULL: not that half. */
static EVP_PKEY *new_pair(VkKey *ret_private, VkKey *ret_public)
{
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	gsize size = VK_KEY_SIZE;

	if (!pair ||
	    (ret_private && !EVP_PKEY_get_raw_private_key(pair, ret_private->bytes, &size)) ||
	    !EVP_PKEY_get_raw_public_key(pair, ret_public->bytes, &size))
		g_error("libcrypto cannot make a key of X25519");
	return pair;
}

VkKeyring *vk_keyring_generate(const guint8 *vault_id)
{
	VkKeyring *keyring = keyring_new(vault_id, VK_ROLE_FULL);

	for (guint i = 0; i < VK_KEY_PRIVATE; i++)
		vk_random_bytes(keyring->keys[i].bytes, VK_KEY_SIZE);
	EVP_PKEY_free(new_pair(&keyring->keys[VK_KEY_PRIVATE], &keyring->keys[VK_KEY_PUBLIC]));
	return keyring;
}

void vk_keyring_free(VkKeyring *keyring)
{
	vk_secure_free(keyring, sizeof(*keyring));
}

VkRole vk_keyring_role(const VkKeyring *keyring)
{
	return keyring->role;
}

const guint8 *vk_keyring_vault_id(const VkKeyring *keyring)
{
	return keyring->vault_id;
}

const VkKey *vk_keyring_get(const VkKeyring *keyring, VkKeyKind kind)
{
	return roles[keyring->role].keys & BIT(kind) ? &keyring->keys[kind] : NULL;
}

gsize vk_keyring_pack(const VkKeyring *keyring, VkRole role, guint8 *ret)
{
	gsize length = 1;

	g_assert(keyring->role == VK_ROLE_FULL || keyring->role == role);
	ret[0] = (guint8)roles[role].keys;
	for (guint i = 0; i < VK_N_KEYS; i++)
		if (roles[role].keys & BIT(i)) {
			memcpy(ret + length, keyring->keys[i].bytes, VK_KEY_SIZE);
			length += VK_KEY_SIZE;
		}
	return length;
}

VkKeyring *vk_keyring_unpack(const guint8 *vault_id, VkRole role, const guint8 *packed,
			     gsize length)
{
	g_autoptr(VkKeyring) keyring = keyring_new(vault_id, role);
	gsize at = 1;

	if (length == 0 || packed[0] != roles[role].keys)
		return NULL;
	for (guint i = 0; i < VK_N_KEYS; i++) {
		if (!(roles[role].keys & BIT(i)))
			continue;
		if (length - at < VK_KEY_SIZE)
			return NULL;
		memcpy(keyring->keys[i].bytes, packed + at, VK_KEY_SIZE);
		at += VK_KEY_SIZE;
	}
	return at == length ? g_steal_pointer(&keyring) : NULL;
}

void vk_keyring_derive(const VkKeyring *keyring, VkKeyKind kind, const guint8 *salt,
		       const char *purpose, const void *context, gsize context_length, VkKey *ret)
{
	const VkKey *key = vk_keyring_get(keyring, kind);
	g_autofree guint8 *info = g_malloc(VK_KEYRING_ID_SIZE + context_length);

	g_assert(key);
	memcpy(info, keyring->vault_id, VK_KEYRING_ID_SIZE);
	if (context_length > 0)
		memcpy(info + VK_KEYRING_ID_SIZE, context, context_length);
	vk_key_derive(key->bytes, VK_KEY_SIZE, salt, SALT_SIZE, purpose, info,
		      VK_KEYRING_ID_SIZE + context_length, ret);
}

/* The key that OWN and the owner of the other half, PEER, have in common. FALSE: there is none. */
static gboolean agree(EVP_PKEY *own, const VkKey *peer, const VkKey *sender, const VkKey *receiver,
		      VkKey *ret)
{
	EVP_PKEY *other =
		EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer->bytes, VK_KEY_SIZE);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	g_auto(VkKey) shared = {0};
	VkKey halves[] = {*sender, *receiver};
	gsize size = VK_KEY_SIZE;
	gboolean ok = other && context && EVP_PKEY_derive_init(context) == 1 &&
		      EVP_PKEY_derive_set_peer(context, other) == 1 &&
		      EVP_PKEY_derive(context, shared.bytes, &size) == 1;

	if (ok)
		vk_key_derive(shared.bytes, VK_KEY_SIZE, halves, sizeof(halves), "virtkeep wrap",
			      NULL, 0, ret);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(other);
	return ok;
}

/* Wrapped: the sender's public key, for this one key alone, and the sealed key. */
void vk_keyring_wrap(const VkKeyring *keyring, const VkKey *key, guint8 *ret)
{
	const VkKey *receiver = vk_keyring_get(keyring, VK_KEY_PUBLIC);
	g_auto(VkKey) common = {0};
	VkKey sender;
	VkNonce nonce = vk_nonce(0, FALSE);
	EVP_PKEY *pair = new_pair(NULL, &sender);

	g_assert(receiver);
	if (!agree(pair, receiver, &sender, receiver, &common))
		g_error("libcrypto cannot agree on a key with X25519");
	EVP_PKEY_free(pair);
	memcpy(ret, sender.bytes, VK_KEY_SIZE);
	vk_aead_seal(&common, &nonce, keyring->vault_id, VK_KEYRING_ID_SIZE, key->bytes,
		     VK_KEY_SIZE, ret + VK_KEY_SIZE);
}

gboolean vk_keyring_unwrap(const VkKeyring *keyring, const guint8 *wrapped, VkKey *ret)
{
	const VkKey *private = vk_keyring_get(keyring, VK_KEY_PRIVATE);
	g_auto(VkKey) common = {0};
	VkNonce nonce = vk_nonce(0, FALSE);
	VkKey sender, receiver;
	gsize size = VK_KEY_SIZE;
	EVP_PKEY *own;
	gboolean ok;

	g_assert(private);
	memcpy(sender.bytes, wrapped, VK_KEY_SIZE);
	own = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private->bytes, VK_KEY_SIZE);
	ok = own && EVP_PKEY_get_raw_public_key(own, receiver.bytes, &size) == 1 &&
	     agree(own, &sender, &sender, &receiver, &common);
	EVP_PKEY_free(own);
	return ok && vk_aead_open(&common, &nonce, keyring->vault_id, VK_KEYRING_ID_SIZE,
				  wrapped + VK_KEY_SIZE, VK_KEY_SIZE + VK_TAG_SIZE, ret->bytes);
}
