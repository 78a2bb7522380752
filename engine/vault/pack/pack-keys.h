/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackKeys: the keys of one pack of an encrypted vault. Map pages and directories are sealed with
 * one, blocks with the other; a frame's nonce is its slot. Both come from the vault's keys, the
 * header's salt and the pack's id; or the key of the blocks is a random one that the header holds,
 * sealed with the vault's public key. Compaction copies frames as they are, with the header. The
 * table has a key of its own each time that one is written. Immutable. Threads: free.
 */
#pragma once

#include "format.h"
#include "keyring.h"

#include <glib.h>

typedef struct VkPackKeys VkPackKeys;

/* Keys for a new pack: fills in what HEADER says of them. It has the pack's id already. */
VkPackKeys *vk_pack_keys_new(const VkKeyring *keyring, VkPackHeader *header);

/*
 * The keys of the pack that HEADER is of, as far as the keyring can have them. OBJECT is for the
 * error. VK_ERROR_DAMAGE when the key of its blocks cannot be opened.
 */
VkPackKeys *vk_pack_keys_open(const VkKeyring *keyring, const VkPackHeader *header,
			      const char *object, GError **error);
void vk_pack_keys_free(VkPackKeys *keys); /* takes NULL */

/* Whether payloads with these flags of a slot can be opened: not blocks by each keyring. */
gboolean vk_pack_keys_can_open(const VkPackKeys *keys, guint32 length_flags);

/*
 * Seals a slot's payload of LENGTH bytes into RET, of LENGTH + VK_TAG_SIZE. LENGTH_FLAGS is with
 * the tag.
 */
void vk_pack_keys_seal(const VkPackKeys *keys, const VkPackId *pack, guint32 slot,
		       guint32 length_flags, const void *plain, gsize length, void *ret);

/*
 * Opens a slot's payload, as long as LENGTH_FLAGS says, into RET, which is VK_TAG_SIZE shorter.
 * FALSE when it is not what was sealed there.
 */
gboolean vk_pack_keys_open_slot(const VkPackKeys *keys, const VkPackId *pack, guint32 slot,
				guint32 length_flags, const void *sealed, void *ret);

/* Seals a table of LENGTH bytes into RET, of LENGTH + VK_TAG_SIZE. Fills in TRAILER's salt. */
void vk_pack_table_seal(const VkKeyring *keyring, const VkPackHeader *header,
			VkPackTrailer *trailer, const void *plain, gsize length, void *ret);

/* Opens a table of LENGTH bytes, with the tag, into RET. FALSE when it is not the header's. */
gboolean vk_pack_table_open(const VkKeyring *keyring, const VkPackHeader *header,
			    const VkPackTrailer *trailer, const void *sealed, gsize length,
			    void *ret);
