/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Made the golden vaults:  make-golden DIRECTORY [encrypted|parity]
 *
 * They are kept for ever and never made again. A new format of the vault gets golden vaults of its
 * own, under a new number.
 */
#include "catalog-pin.h"
#include "golden.h"
#include "session.h"
#include "temp-vault.h"
#include "vault-slots.h"

#include <stdio.h>

#undef vk_vault_init
#undef vk_vault_open

static VkSecret *find_secret(gconstpointer text, const char *url, GError **error)
{
	return vk_secret_new(text, strlen(text));
}

static VkVault *open_with(const char *directory, const char *secret)
{
	const VkUnlock unlock = {.ask = find_secret, .user = secret};
	VkVault *vault = vk_vault_open_locked(directory, VK_VAULT_WRITE, &unlock, NULL);

	g_assert(vault);
	return vault;
}

static void add_key(VkVault *vault, VkRole role, const char *text)
{
	g_autoptr(VkSecret) secret = vk_secret_new(text, strlen(text));
	const VkNewKey key = {.secret = secret, .label = "golden"};
	g_autofree char *id = NULL;

	g_assert(vk_vault_add_slot(vault, role, &key, &id, NULL));
}

static void make_encrypted(const char *directory)
{
	g_autoptr(VkSecret) secret = vk_secret_new(GOLDEN_FULL, strlen(GOLDEN_FULL));
	const VkNewKey key = {.secret = secret, .label = "golden"};
	const VkNewVault how = {.key = &key};
	g_autoptr(VkVault) vault = vk_vault_init_as(directory, &how, NULL);

	g_assert(vault);
	add_key(vault, VK_ROLE_APPEND, GOLDEN_APPEND);
	add_key(vault, VK_ROLE_RESTORE, GOLDEN_RESTORE);
}

static void take(VkVault *vault, guint number)
{
	MemSource *image = golden_image(number);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) parent =
		number ? vk_catalog_find(vault, GOLDEN_UUID "@latest", NULL) : NULL;
	const VkImageRecord *before =
		parent ? ((VkDiskRecord *)parent->disks->pdata[0])->image : NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSaveStats stats = {0};

	g_assert(session && vk_session_check_parent(session, parent, NULL));
	snapshot =
		make_snapshot(GOLDEN_UUID, golden_times[number],
			      vk_session_save(session, &image->base, before, &stats, NULL, NULL));
	g_assert(vk_session_commit(session, snapshot, NULL));
	vk_source_free(&image->base);
}

/* The first is pinned, the last one forgotten. */
static void mark(VkVault *vault)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, GOLDEN_UUID, NULL);

	g_assert(keys->len == GOLDEN_SNAPSHOTS);
	g_assert(vk_catalog_pin(vault, keys->pdata[0], VK_PIN_FOR_GOOD, "golden", NULL));
	g_assert(vk_catalog_forget(vault, keys->pdata[2], "golden", NULL));
}

int main(int argc, char **argv)
{
	gboolean encrypted = argc == 3 && strcmp(argv[2], "encrypted") == 0;
	const VkNewVault plain = {.parity = argc == 3 && strcmp(argv[2], "parity") == 0};

	if (argc < 2 || (argc == 3 && !encrypted && !plain.parity)) {
		fprintf(stderr, "usage: %s DIRECTORY [encrypted|parity]\n", argv[0]);
		return 2;
	}
	if (encrypted)
		make_encrypted(argv[1]);
	else
		vk_vault_free(vk_vault_init_as(argv[1], &plain, NULL));
	for (guint number = 0; number < GOLDEN_SNAPSHOTS; number++) {
		/* What the second one brings is sealed with a key of its own. */
		g_autoptr(VkVault) vault =
			open_with(argv[1], number == 1 ? GOLDEN_APPEND : GOLDEN_FULL);

		take(vault, number);
		if (number == 2)
			mark(vault);
	}
	return 0;
}
