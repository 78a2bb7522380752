/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "volume-keys.h"

#include "errors.h"
#include "terminal.h"
#include "text.h"
#include "vault-secret.h"

#include <string.h>

static void key_free(gpointer data)
{
	VkVolumeKey *key = data;

	g_free(key->volume);
	vk_secret_free(key->secret);
	g_free(key);
}

/* Takes the SECRET, which may be NULL. */
static gboolean add(GPtrArray *keys, const char *volume, gsize length, VkSecret *secret)
{
	VkVolumeKey *key;

	if (!secret)
		return FALSE;
	key = g_new(VkVolumeKey, 1);
	*key = (VkVolumeKey){.volume = volume ? g_strndup(volume, length) : NULL, .secret = secret};
	g_ptr_array_add(keys, key);
	return TRUE;
}

static gboolean read_key(GPtrArray *keys, const char *word, GError **error)
{
	const char *equals = strchr(word, '=');
	/* A path has its '=' behind a '/', if it has one; so has no volume but one of LVM. */
	gboolean path = *word == '/' || *word == '.' || !equals;

	return add(keys, path ? NULL : word, path ? 0 : (gsize)(equals - word),
		   vk_vault_secret_read(path ? word : equals + 1, error));
}

VkVolumeKeys *vk_volume_keys_new(const char *const *words, GError **error)
{
	g_autoptr(VkVolumeKeys) keys = g_new(VkVolumeKeys, 1);

	keys->given = g_ptr_array_new_with_free_func(key_free);
	keys->typed = g_ptr_array_new_with_free_func(key_free);
	for (; words && *words; words++)
		if (!read_key(keys->given, *words, error))
			return NULL;
	return g_steal_pointer(&keys);
}

void vk_volume_keys_free(VkVolumeKeys *keys)
{
	if (!keys)
		return;
	g_ptr_array_unref(keys->given);
	g_ptr_array_unref(keys->typed);
	g_free(keys);
}

gboolean vk_volume_keys_ask(VkVolumeKeys *keys, const char *volume, GError **error)
{
	g_autofree char *name = vk_printable(volume);
	g_autofree char *prompt = g_strdup_printf("passphrase of the volume '%s': ", name);

	if (!vk_terminal_is_there())
		return vk_fail(
			error, VK_ERROR_DENIED,
			"'%s' is locked, and there is no terminal to ask for its passphrase: "
			"give its key by --key-file",
			volume);
	return add(keys->typed, volume, strlen(volume), vk_terminal_ask(prompt, error));
}
