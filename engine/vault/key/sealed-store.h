/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store of an encrypted vault: it seals what is put into another store, and opens what comes
 * from there. Packs are sealed frame by frame by who writes them (pack-keys.h), and vault.json and
 * the key slots have to be readable without a key: these pass as they are.
 *
 * A sealed object: a header with a salt, then the content in parts of VK_SEALED_PART bytes, each
 * with a tag behind it. At least one part is there, and only the last may be shorter. The key comes
 * from the keyring's key for objects, the salt and the object's name. A part's nonce is its number,
 * and whether it is the last. An object cannot be cut, altered or take the place of another. One
 * without content stays empty: it says something by its name alone, and has to fit on a full disk.
 *
 * The folders snaps/<guest uuid> and copies/<guest uuid> are named by the uuid encrypted as one
 * block of AES-256: whoever lists the store learns how many guests there are, and not which.
 */
#pragma once

#include "keyring.h"
#include "store.h"

#include <glib.h>

#define VK_SEALED_MAGIC "VKSEAL\r\n"
#define VK_SEALED_PART  65536u

typedef struct VkSealedHeader {
	char magic[8];
	guint16 version;       /* 1 */
	guint16 header_length; /* 32 */
	guint8 reserved[4];
	guint8 salt[16];
} VkSealedHeader;
G_STATIC_ASSERT(sizeof(VkSealedHeader) == 32);

/* Takes INNER over; KEYRING is borrowed and has the key for objects. */
VkStore *vk_sealed_store_new(VkStore *inner, const VkKeyring *keyring);
