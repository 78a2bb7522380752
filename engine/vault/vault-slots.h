/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key slots of an open, encrypted vault. VK_ERROR_FAILED for one that is not encrypted. */
#pragma once

#include "key-slot.h"
#include "vault.h"

#include <glib.h>
#include <jansson.h>

/* Returns VkKeySlot*, oldest first, as vk_key_slots_list(). */
GPtrArray *vk_vault_slots(const VkVault *vault, void (*warn)(const char *format, ...),
			  GError **error);

/* The id of the slot that opened the vault. Borrowed. */
const char *vk_vault_slot_in_use(const VkVault *vault);

/* VK_ERROR_DENIED unless the vault was opened with a key of role full. */
gboolean vk_vault_may_add_slots(const VkVault *vault, GError **error);

/* Adds a slot of ROLE. *RET_ID is a new string. VK_ERROR_DENIED unless opened with role full. */
gboolean vk_vault_add_slot(VkVault *vault, VkRole role, const VkNewKey *key, char **ret_id,
			   GError **error);

/*
 * Puts a slot with another secret, of the same role, in the place of the one that opened the vault.
 * *RET_ID is a new string, also when the old slot could not be removed.
 */
gboolean vk_vault_change_slot(VkVault *vault, const VkNewKey *key, char **ret_id, GError **error);

/* Removes a slot, as vk_key_slot_remove(). VK_ERROR_DENIED unless opened with role full. */
gboolean vk_vault_remove_slot(VkVault *vault, const char *id, GError **error);

/*
 * All slots as they are in the vault, still sealed: {"vault": ID, "slots": {"<id>": {...}}}. New
 * reference.
 */
json_t *vk_vault_export_slots(const VkVault *vault, GError **error);

/*
 * Puts back what vk_vault_export_slots() gave of the vault at URL, which need not be open.
 * *RET_COUNT: how many slots were missing. VK_ERROR_USAGE for slots of another vault.
 */
gboolean vk_vault_import_slots(const char *url, const json_t *exported, guint *ret_count,
			       GError **error);
