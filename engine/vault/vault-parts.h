/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of VkVault, for the folders of engine/vault and their tests. */
#pragma once

#include "store.h"
#include "block-cache.h"
#include "catalog-cache.h"
#include "chain-memory.h"
#include "hints-place.h"
#include "pack-cache.h"
#include "vault.h"

/* What a chain needs of a snapshot object, which never changes. */
typedef struct VkChainLink {
	char *id; /* of the snapshot */
	guint64 number;
	char *sum; /* of its object */
} VkChainLink;

struct VkVault {
	VkStore *store;   /* seals and opens the objects of an encrypted vault */
	VkStore *outside; /* the store underneath, with key slots; borrowed from STORE */
	VkStore *windows; /* keeps what is read of a bucket; borrowed from STORE; else NULL */
	char *url;
	char *place;           /* where it is: vault-place.h */
	char *directory;       /* NULL unless "dir:" */
	VkPackContext context; /* with the vault's id, and its keys */
	VkKeyring *keyring;    /* NULL: the vault is not encrypted, or open from outside */
	char *slot;            /* the key slot that opened it; NULL: not encrypted */
	char id_hex[2 * VK_ID_SIZE + 1];
	int compression_level;
	gboolean may_put;    /* no feature of the vault forbids this version to put objects */
	VkCopyReader reader; /* of copies on arrays; its calls may be NULL */
	VkWarn warn;         /* nullable */
	VkPackCache *packs;
	VkBlockCache *blocks;
	VkCatalogCache *catalog; /* nullable */
	VkChainMemory *memory;   /* nullable */
	GMutex mutex;            /* guards what follows */
	struct VkHints *hints;   /* shared by the sessions; NULL while there are none */
	guint sessions;
	GMutex links_mutex; /* guards what follows */
	GHashTable *links;  /* guest's uuid -> VkChainLink: of the snapshot that was loaded last */
};

void vk_chain_link_free(VkChainLink *link); /* takes NULL */

/* Where the vault's hints lie; the vault must outlive them. */
VkHintsPlace vk_vault_hints_place(const VkVault *vault);

/* VK_ERROR_DENIED for who has an encrypted vault open from outside: none of its keys is known. */
gboolean vk_vault_check_unlocked(const VkVault *vault, GError **error);

/* The key of its block ids, borrowed; NULL: they are plain hashes, or its keyring has none. */
const VkKey *vk_vault_id_key(const VkVault *vault);
