/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How checkpoints and their bitmaps are named, and so whose they are. */
#include "checkpoint.h"

#include <string.h>

#define NAME_PREFIX     "virtkeep-"
#define HEX_DIGITS      "0123456789abcdef"
#define VAULT_ID_DIGITS 8
#define RANDOM_DIGITS   8

char *vk_checkpoint_name_new(const char *vault_id)
{
	return g_strdup_printf(NAME_PREFIX "%.*s-%08x", VAULT_ID_DIGITS, vault_id, g_random_int());
}

gboolean vk_checkpoint_is_ours(const char *name, const char *vault_id)
{
	const char *vault, *random;

	if (!g_str_has_prefix(name, NAME_PREFIX))
		return FALSE;
	vault = name + strlen(NAME_PREFIX);
	if (strspn(vault, HEX_DIGITS) != VAULT_ID_DIGITS || vault[VAULT_ID_DIGITS] != '-')
		return FALSE;
	random = vault + VAULT_ID_DIGITS + 1;
	return strspn(random, HEX_DIGITS) == RANDOM_DIGITS && random[RANDOM_DIGITS] == '\0' &&
	       (!vault_id || strncmp(vault, vault_id, VAULT_ID_DIGITS) == 0);
}

char *vk_checkpoint_vault_id8(const char *name)
{
	return g_strndup(name + strlen(NAME_PREFIX), VAULT_ID_DIGITS);
}
