/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHealer: brings back blocks that are damaged in the vault, once their content turns up. A block
 * goes into its old slot, in a generation of its pack that has such slots only. So all snapshots
 * that refer to it have it back. It knows what checks have found, and looks at a slot before it
 * heals it. Threads: free, but for new, put and free.
 */
#pragma once

#include "format.h"
#include "hasher.h"
#include "vault.h"

#include <glib.h>

typedef struct VkHealer VkHealer;

/*
 * NULL without an error when nothing is known to be damaged; NULL with one when that cannot be
 * read. VAULT is borrowed. A DRY_RUN takes content as well, but does not keep it, and puts nothing.
 */
VkHealer *vk_healer_new(VkVault *vault, gboolean dry_run, GError **error);

/* Makes the ids of its vault. New. */
VkHasher *vk_healer_hasher(const VkHealer *healer);
void vk_healer_free(VkHealer *healer); /* takes NULL; what was not put is not healed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHealer, vk_healer_free)

/*
 * Takes a copy of BLOCK, which has its id, if it is damaged in the vault. If it takes too many
 * before they are put, it leaves the rest to the next time.
 */
void vk_healer_offer(VkHealer *healer, const VkHashed *block);

/*
 * Whether the slot, whose content was offered, is damaged and not healed. Nothing new must refer to
 * it then.
 */
gboolean vk_healer_is_damaged(VkHealer *healer, const VkPackId *pack, guint32 slot);

/* Whether it takes no more before it puts what it took. */
gboolean vk_healer_is_full(const VkHealer *healer);

/* Puts what was taken, durably. On failure a part of it may be healed. */
gboolean vk_healer_put(VkHealer *healer, GError **error);

/* How many slots are healed, or in a dry run would be. */
guint vk_healer_count_healed(const VkHealer *healer);

/* Looks at each slot that nobody has looked at yet: some may be sound. */
void vk_healer_survey(VkHealer *healer);

/* A slot whose content was not offered, or could not be taken. */
typedef struct VkMissingSlot {
	VkPackId pack;
	char digits[2 * VK_ID_SIZE + 1]; /* of the pack's id */
	guint32 slot;
} VkMissingSlot;

/* Those that are damaged, with those of packs that are missing. New: VkMissingSlot. */
GArray *vk_healer_missing(const VkHealer *healer);
