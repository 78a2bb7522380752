/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vault.json of anybody: as it is, and again with its checksum. What opens knows its id. */
#include "fuzz.h"
#include "layout.h"
#include "temp-vault.h"

#include <stdlib.h>
#include <string.h>

static char *directory;

static void remove_directory(void)
{
	temp_directory_remove(directory);
	g_free(directory);
}

static VkSecret *ask(gconstpointer user, const char *url, GError **error)
{
	static const char secret[] = "\1the content of a key file of a fuzzed vault";

	return vk_secret_new(secret, sizeof(secret));
}

static void open_vault(VkVaultMode mode)
{
	const VkUnlock unlock = {.ask = ask};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkVault) vault = vk_vault_open_locked(directory, mode, &unlock, &error);

	g_assert(!vault == !!error);
	g_assert(!vault || strlen(vk_vault_id(vault)) == 32);
}

static void put(const char *text, gsize length)
{
	g_autofree char *path = g_build_filename(directory, VK_VAULT_OBJECT, NULL);

	g_assert(g_file_set_contents_full(path, text, (gssize)length, G_FILE_SET_CONTENTS_NONE,
					  0600, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GString) text = g_string_new_len((const char *)data, (gssize)size);
	g_autofree char *sum = NULL;

	if (!directory) {
		directory = temp_directory_new();
		atexit(remove_directory);
	}
	put(text->str, text->len);
	open_vault(VK_VAULT_READ);
	for (gsize i = 0; i < text->len; i++)
		if (text->str[i] == '\n')
			text->str[i] = ' ';
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text->str, text->len);
	g_string_append_printf(text, "\n{\"sha256\":\"%s\"}\n", sum);
	put(text->str, text->len);
	open_vault(VK_VAULT_READ);
	open_vault(VK_VAULT_WRITE);
	return 0;
}
