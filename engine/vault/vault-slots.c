/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-slots.h"

#include "checked-json.h"
#include "errors.h"
#include "layout.h"
#include "vault-parts.h"
#include "vault-place.h"

#include <string.h>

static gboolean check_encrypted(const VkVault *vault, GError **error)
{
	return vault->keyring ||
	       vk_fail(error, VK_ERROR_FAILED, "the vault '%s' is not encrypted: it has no keys",
		       vault->place);
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

static gboolean check_full(const VkVault *vault, const char *what, GError **error)
{
	VkRole role;

	if (!check_encrypted(vault, error))
		return FALSE;
	role = vk_keyring_role(vault->keyring);
	return role == VK_ROLE_FULL ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use is of role %s: only one of role full may %s keys",
		       vk_role_word(role), what);
}

gboolean vk_vault_may_add_slots(const VkVault *vault, GError **error)
{
	return check_full(vault, "add", error);
}

static gboolean add_slot(VkVault *vault, VkRole role, const VkNewKey *key, char **ret_id,
			 GError **error)
{
	return vk_key_slot_add(vault->outside, vault->keyring, role, key->secret, key->label,
			       ret_id, error);
}

gboolean vk_vault_add_slot(VkVault *vault, VkRole role, const VkNewKey *key, char **ret_id,
			   GError **error)
{
	return vk_vault_may_add_slots(vault, error) && add_slot(vault, role, key, ret_id, error);
}

gboolean vk_vault_change_slot(VkVault *vault, const VkNewKey *key, char **ret_id, GError **error)
{
	return check_encrypted(vault, error) &&
	       add_slot(vault, vk_keyring_role(vault->keyring), key, ret_id, error) &&
	       vk_key_slot_remove(vault->outside, vault->slot, error);
}

gboolean vk_vault_remove_slot(VkVault *vault, const char *id, GError **error)
{
	return check_full(vault, "remove", error) && vk_key_slot_remove(vault->outside, id, error);
}

gboolean vk_vault_import_slots(const char *url, const json_t *exported, guint *ret_count,
			       GError **error)
{
	g_autofree char *place = vk_vault_place_parse(url, error);
	VkStore *store = place ? vk_vault_place_open(place, FALSE, error) : NULL;
	g_autoptr(json_t) description = NULL;
	const char *id, *of;
	json_t *slots;
	gboolean done;

	if (!store)
		return FALSE;
	description = vk_checked_json_get(store, VK_VAULT_OBJECT, error);
	done = description && vk_json_string(description, "id", &id, error) &&
	       vk_json_string(exported, "vault", &of, error) &&
	       vk_json_object(exported, "slots", &slots, error) &&
	       (strcmp(id, of) == 0 ||
		vk_fail(error, VK_ERROR_USAGE, "these are keys of the vault %s, not of %s", of,
			id)) &&
	       vk_key_slots_import(store, slots, ret_count, error);
	store->ops->free(store);
	return done;
}

json_t *vk_vault_export_slots(const VkVault *vault, GError **error)
{
	json_t *slots =
		check_encrypted(vault, error) ? vk_key_slots_export(vault->outside, error) : NULL;

	return slots ? json_pack("{s:s, s:o}", "vault", vault->id_hex, "slots", slots) : NULL;
}
