/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How an encrypted vault gets its keys when it is made or opened. Threads: one at a time. */
#pragma once

#include "keyring.h"
#include "store.h"
#include "vault.h"

#include <jansson.h>

/* In vault.json: what a vault is encrypted with. */
#define VK_CIPHER_WORD_NONE "none"
#define VK_CIPHER_WORD      "aes-256-gcm"

/*
 * Makes the keys of the vault with this id, and their first slot, of role full, in STORE. New.
 * *RET_SLOT is the slot's id, a new string.
 * Errors as of vk_key_slot_add().
 */
VkKeyring *vk_vault_make_keys(VkStore *store, const guint8 *vault_id, const VkNewKey *key,
			      char **ret_slot, GError **error);

/*
 * Asks UNLOCK for the secret of the vault at URL and opens a slot in STORE with it. New, and
 * *RET_SLOT likewise.
 * VK_ERROR_DENIED: it opens none, or UNLOCK is NULL.
 */
VkKeyring *vk_vault_ask_for_keys(VkStore *store, const char *url, const guint8 *vault_id,
				 const VkUnlock *unlock, char **ret_slot, GError **error);

/* Sets the member of vault.json that says it is what the owner of the keys wrote. */
void vk_vault_sign_description(const VkKeyring *keyring, json_t *object);

/* Whether it is. VK_ERROR_DAMAGE names URL. */
gboolean vk_vault_check_signature(const VkKeyring *keyring, const json_t *object, const char *url,
				  GError **error);
