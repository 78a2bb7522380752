/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackContext: what the packs and the hint files of one vault have in common. The vault owns it.
 * It never changes, and users borrow it for life. Threads: free.
 */
#pragma once

#include "format.h"
#include "keyring.h"

#include <glib.h>

typedef struct VkPackContext {
	guint8 vault_id[VK_ID_SIZE];
	const VkKeyring *keyring;   /* borrowed; NULL: the vault is not encrypted, or ... */
	gboolean is_locked;         /* ... it is, and nothing of it can be opened */
	gboolean parity;            /* its packs have parity, and ... */
	struct VkMendLog *mend_log; /* ... this knows which needed it; borrowed, nullable */
} VkPackContext;

/*
 * What the checksums of a pack's table and of its frames begin with: the vault's id and the pack's.
 */
guint32 vk_pack_context_crc(const VkPackContext *context, const VkPackId *pack);

/* Whether what the vault has is sealed. */
gboolean vk_pack_context_is_sealed(const VkPackContext *context);
