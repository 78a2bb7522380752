/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key slots, keys/<id>.json: a keyring sealed under a secret. The id is 16 random hex digits.
 *
 *   {"role": "full", "label": "...", "created": "TIME", "kind": "passphrase" | "file",
 *    "salt": BASE64, "scrypt": {"n": N, "r": R, "p": P}, "sealed": BASE64}
 *
 * "scrypt" (RFC 7914) is there for a passphrase. For the content of a key file HKDF makes the key.
 * "sealed" is what vk_keyring_pack() writes, sealed with the vault's id, the role and the kind.
 * Threads: free.
 */
#pragma once

#include "keyring.h"
#include "secret.h"
#include "store.h"

#include <glib.h>
#include <jansson.h>

#define VK_KEY_SLOTS_MAX 64u

typedef struct VkKeySlot {
	char *id;
	VkRole role;
	gboolean is_file; /* else its secret is a passphrase */
	char *label;      /* never NULL */
	char *created;    /* a TIME */
	json_t *object;   /* what its file says */
} VkKeySlot;

void vk_key_slot_free(VkKeySlot *slot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkKeySlot, vk_key_slot_free)

/*
 * Puts a new slot, durably, that gives out ROLE of the keyring, a full one or of that role, to who
 * knows SECRET. A passphrase takes about a second and up to 256 MiB. *RET_ID is a new string.
 * VK_ERROR_USAGE when the secret is too short; VK_ERROR_FAILED when there are VK_KEY_SLOTS_MAX.
 */
gboolean vk_key_slot_add(VkStore *store, const VkKeyring *keyring, VkRole role,
			 const VkSecret *secret, const char *label, char **ret_id, GError **error);

/*
 * The vault's slots, oldest first. Returns VkKeySlot*. One that cannot be read is left out, and
 * WARN (nullable) is called for it.
 */
GPtrArray *vk_key_slots_list(VkStore *store, void (*warn)(const char *format, ...), GError **error);

/*
 * Opens the first slot that SECRET fits: as the content of a key file, then as a passphrase,
 * without a line break at its end. *RET_ID (nullable) is the slot's. VK_ERROR_DENIED when it fits
 * none, and says so if there are some that cannot be used; VK_ERROR_DAMAGE when none can be.
 */
VkKeyring *vk_key_slots_open(VkStore *store, const guint8 *vault_id, const VkSecret *secret,
			     char **ret_id, GError **error);

/* Removes all slots: for a vault that is being made. */
gboolean vk_key_slots_clear(VkStore *store, GError **error);

/* The slots' objects as they are, by id; one that cannot be read is left out. New reference. */
json_t *vk_key_slots_export(VkStore *store, GError **error);

/*
 * Puts back slots of vk_key_slots_export() that are not there or damaged. *RET_COUNT: how many.
 * VK_ERROR_DAMAGE for an object that is no slot.
 */
gboolean vk_key_slots_import(VkStore *store, const json_t *slots, guint *ret_count, GError **error);

/*
 * Removes the slot, durably. VK_ERROR_NOT_FOUND when there is none; VK_ERROR_FAILED for the last
 * one of role full: without it no key could be added any more.
 */
gboolean vk_key_slot_remove(VkStore *store, const char *id, GError **error);
