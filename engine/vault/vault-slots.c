/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-slots.h"

#include "errors.h"
#include "vault-parts.h"

#include <string.h>

static gboolean check_encrypted(const VkVault *vault, GError **error)
{
	return vault->keyring ||
	       vk_fail(error, VK_ERROR_FAILED, "the vault '%s' is not encrypted: it has no keys",
		       vault->directory);
}

GPtrArray *vk_vault_slots(const VkVault *vault, void (*warn)(const char *format, ...),
			  GError **error)
{
	return check_encrypted(vault, error) ? vk_key_slots_list(vault->outside, warn, error)
					     : NULL;
}

const char *vk_vault_slot_in_use(const VkVault *vault)
{
	return vault->slot;
}

static gboolean check_role(const VkVault *vault, gboolean is_own, const char *what, GError **error)
{
	VkRole role;

	if (!check_encrypted(vault, error))
		return FALSE;
	role = vk_keyring_role(vault->keyring);
	return role == VK_ROLE_FULL || is_own ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use is of role %s: only one of role full may %s others",
		       vk_role_word(role), what);
}

gboolean vk_vault_add_slot(VkVault *vault, VkRole role, const VkNewKey *key, char **ret_id,
			   GError **error)
{
	return check_role(vault, vault->keyring && role == vk_keyring_role(vault->keyring), "add",
			  error) &&
	       vk_key_slot_add(vault->outside, vault->keyring, role, key->secret, key->is_file,
			       key->label, ret_id, error);
}

gboolean vk_vault_remove_slot(VkVault *vault, const char *id, GError **error)
{
	return check_role(vault, g_strcmp0(id, vault->slot) == 0, "remove", error) &&
	       vk_key_slot_remove(vault->outside, id, error);
}

json_t *vk_vault_export_slots(const VkVault *vault, GError **error)
{
	json_t *slots =
		check_encrypted(vault, error) ? vk_key_slots_export(vault->outside, error) : NULL;

	return slots ? json_pack("{s:s, s:o}", "vault", vault->id_hex, "slots", slots) : NULL;
}
