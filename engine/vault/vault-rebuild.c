/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-rebuild.h"

#include "vault-parts.h"

#include "errors.h"

gboolean vk_vault_rebuild_hints(VkVault *vault, gboolean dry_run, VkHintsRebuilt *ret,
				GError **error)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);

	*ret = (VkHintsRebuilt){0};
	if (vault->keyring && !vk_vault_id_key(vault))
		return vk_fail(error, VK_ERROR_DENIED,
			       "the key in use for the vault '%s' is of role %s: it has no hints; "
			       "use one of role full or backup",
			       vault->url, vk_role_word(vk_keyring_role(vault->keyring)));
	return dry_run ? vk_hints_rebuild_dry(&place, ret, error)
		       : vk_hints_rebuild(&place, ret, error);
}

void vk_vault_clear_cache(VkVault *vault)
{
	vk_catalog_cache_clear(vault->catalog);
}
