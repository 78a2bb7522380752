/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-key.h"

#include "errors.h"
#include "json.h"
#include "key-slot.h"

#include <string.h>

#define SIGNATURE "mac"

VkKeyring *vk_vault_make_keys(VkStore *store, const guint8 *vault_id, const VkNewKey *key,
			      char **ret_slot, GError **error)
{
	g_autoptr(VkKeyring) keyring = vk_keyring_generate(vault_id);

	/* An interrupted init leaves a slot that opens nothing, but counts. */
	if (!vk_key_slots_clear(store, error))
		return NULL;

	return vk_key_slot_add(store, keyring, VK_ROLE_FULL, key->secret, key->label, ret_slot,
			       error)
		       ? g_steal_pointer(&keyring)
		       : NULL;
}

VkKeyring *vk_vault_ask_for_keys(VkStore *store, const char *url, const guint8 *vault_id,
				 const VkUnlock *unlock, char **ret_slot, GError **error)
{
	g_autoptr(VkSecret) secret = NULL;
	VkKeyring *keyring;

	if (!unlock) {
		vk_fail(error, VK_ERROR_DENIED, "the vault '%s' is encrypted: it needs a key", url);
		return NULL;
	}
	secret = unlock->ask(unlock->user, url, error);
	if (!secret)
		return NULL;
	keyring = vk_key_slots_open(store, vault_id, secret, ret_slot, error);
	if (!keyring)
		g_prefix_error(error, "the vault '%s': ", url);
	return keyring;
}

static char *sign(const VkKeyring *keyring, const json_t *object)
{
	static const guint8 no_salt[16];
	g_autoptr(json_t) plain = json_deep_copy(object);
	g_autofree char *line = NULL;
	g_auto(VkKey) key = {0};

	json_object_del(plain, SIGNATURE);
	line = vk_json_line(plain);
	vk_keyring_derive(keyring, VK_KEY_OBJECTS, no_salt, "virtkeep vault.json", NULL, 0, &key);
	return g_compute_hmac_for_string(G_CHECKSUM_SHA256, key.bytes, VK_KEY_SIZE, line, -1);
}

void vk_vault_sign_description(const VkKeyring *keyring, json_t *object)
{
	g_autofree char *signature = sign(keyring, object);

	json_object_set_new(object, SIGNATURE, json_string(signature));
}

gboolean vk_vault_check_signature(const VkKeyring *keyring, const json_t *object, const char *url,
				  GError **error)
{
	g_autofree char *signature = sign(keyring, object);

	return g_strcmp0(vk_json_optional_string(object, SIGNATURE), signature) == 0 ||
	       vk_fail(error, VK_ERROR_DAMAGE,
		       "the vault '%s': vault.json was altered by somebody without its keys", url);
}
