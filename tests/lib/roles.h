/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key of each role in an encrypted vault of a test. */
#pragma once

#include "vault-slots.h"

#include <check.h>
#include <glib.h>
#include <string.h>

/* A key file for each role. */
static inline const char *secret_of(VkRole role)
{
	static char text[64];

	g_snprintf(text, sizeof(text), "\1the key file of role %-20s", vk_role_word(role));
	return text;
}

static inline VkSecret *find_secret(gconstpointer role, const char *url, GError **error)
{
	const char *text = secret_of((VkRole)GPOINTER_TO_UINT(role));

	return vk_secret_new(text, strlen(text));
}

static inline VkVault *open_as(const char *path, VkRole role, VkVaultMode mode, GError **error)
{
	const VkUnlock unlock = {.ask = find_secret, .user = GUINT_TO_POINTER(role)};

	return vk_vault_open_locked(path, mode, &unlock, error);
}

static inline void add_roles(VkVault *to)
{
	for (guint role = 0; role < VK_N_ROLES; role++) {
		g_autoptr(VkSecret) secret = find_secret(GUINT_TO_POINTER(role), NULL, NULL);
		const VkNewKey key = {.secret = secret, .label = "test"};
		g_autofree char *id = NULL;

		ck_assert(vk_vault_add_slot(to, (VkRole)role, &key, &id, NULL));
	}
}
