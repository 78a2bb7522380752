/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkKeyring: the keys of an encrypted vault that one key slot gives out. What a key may do follows
 * from the keys that it has:
 *
 *   role      ids  maps  objects  blocks  private  public
 *   full       x    x       x       x        x       x     everything, and key slots
 *   backup     x    x       x       x                      backups; no blocks that "append" wrote
 *   restore         x       x       x        x             reads everything
 *   collect         x       x                              forgets and collects; reads no block
 *   append     x    x       x                        x     backups; reads no block, not even its
 * own
 *
 *   ids      of the HMAC that block ids are
 *   maps     of map pages, and of packs' tables
 *   objects  of all objects but packs, and of guests' names
 *   blocks   of blocks, in packs that name no key of their own
 *   private, public  the X25519 pair of packs whose key is sealed in their header
 *
 * Immutable. It is in memory of vk_secure_new(). Threads: free.
 */
#pragma once

#include "aead.h"

#include <glib.h>

#define VK_KEYRING_ID_SIZE 16u /* of the vault */
#define VK_WRAPPED_SIZE    80u

typedef enum {
	VK_ROLE_FULL,
	VK_ROLE_BACKUP,
	VK_ROLE_RESTORE,
	VK_ROLE_COLLECT,
	VK_ROLE_APPEND,
	VK_N_ROLES,
} VkRole;

typedef enum {
	VK_KEY_IDS,
	VK_KEY_MAPS,
	VK_KEY_OBJECTS,
	VK_KEY_BLOCKS,
	VK_KEY_PRIVATE,
	VK_KEY_PUBLIC,
	VK_N_KEYS,
} VkKeyKind;

typedef struct VkKeyring VkKeyring;

/* The word for the role in settings and objects. Static. */
const char *vk_role_word(VkRole role);
gboolean vk_role_parse(const char *word, VkRole *ret);

/* New keys for the vault of this id, with all that there are. */
VkKeyring *vk_keyring_generate(const guint8 *vault_id);
void vk_keyring_free(VkKeyring *keyring); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkKeyring, vk_keyring_free)

VkRole vk_keyring_role(const VkKeyring *keyring);
const guint8 *vk_keyring_vault_id(const VkKeyring *keyring);

/* Borrowed; NULL when the keyring does not have it. */
const VkKey *vk_keyring_get(const VkKeyring *keyring, VkKeyKind kind);

/* At most so many bytes are what a slot seals. */
#define VK_KEYRING_PACKED_MAX (1u + VK_N_KEYS * VK_KEY_SIZE)

/*
 * Writes what a slot of ROLE seals of the keyring into RET, of VK_KEYRING_PACKED_MAX bytes, and
 * returns how many bytes it is. The keyring is a full one, or of the same role.
 */
gsize vk_keyring_pack(const VkKeyring *keyring, VkRole role, guint8 *ret);

/* The keyring of what vk_keyring_pack() wrote; NULL when it is not that of ROLE. */
VkKeyring *vk_keyring_unpack(const guint8 *vault_id, VkRole role, const guint8 *packed,
			     gsize length);

/*
 * Derives a key from the one of KIND, which must be there. SALT has 16 bytes. The vault's id and
 * CONTEXT go into it.
 */
void vk_keyring_derive(const VkKeyring *keyring, VkKeyKind kind, const guint8 *salt,
		       const char *purpose, const void *context, gsize context_length, VkKey *ret);

/* Seals KEY for the owner of the private key, into VK_WRAPPED_SIZE bytes. Needs the public key. */
void vk_keyring_wrap(const VkKeyring *keyring, const VkKey *key, guint8 *ret);

/* Opens what vk_keyring_wrap() sealed. FALSE when it is not that. Needs the private key. */
gboolean vk_keyring_unwrap(const VkKeyring *keyring, const guint8 *wrapped, VkKey *ret);
