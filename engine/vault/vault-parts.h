/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of VkVault, for the folders of engine/vault and their tests. */
#pragma once

#include "store.h"
#include "block-cache.h"
#include "catalog-cache.h"
#include "hints-place.h"
#include "pack-cache.h"
#include "vault.h"

struct VkVault {
	VkStore *store;
	char *url;
	char *directory;       /* NULL unless "dir:" */
	VkPackContext context; /* with the vault's id */
	char id_hex[2 * VK_ID_SIZE + 1];
	int compression_level;
	gboolean may_put;    /* no feature of the vault forbids this version to put objects */
	VkCopyReader reader; /* of copies on arrays; its calls may be NULL */
	VkWarn warn;         /* nullable */
	VkPackCache *packs;
	VkBlockCache *blocks;
	VkCatalogCache *catalog; /* nullable */
	GMutex mutex;            /* guards what follows */
	struct VkHints *hints;   /* shared by the sessions; NULL while there are none */
	guint sessions;
};

/* Where the vault's hints lie; the vault must outlive them. */
VkHintsPlace vk_vault_hints_place(const VkVault *vault);
