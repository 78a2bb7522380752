/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names in a vault's folders, and the objects behind them: snapshots, tombstones, pins, marks,
 * notes, later copies, leases, packs. Each line of the input is a name, a blank, and an object.
 */
#include "catalog-chain.h"
#include "catalog-pin.h"
#include "catalog-priv.h"
#include "fuzz.h"
#include "input-store.h"
#include "lease-list.h"
#include "pack-name.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <stdlib.h>
#include <string.h>

static char *directory;
static VkVault *vault;
static VkStore *real;

static void close_vault(void)
{
	vault->store = real;
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

static void open_vault(void)
{
	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	g_assert(vault);
	real = vault->store;
	atexit(close_vault);
}

static VkStore *take_lines(const char *text)
{
	VkStore *store = input_store_new();
	g_auto(GStrv) lines = g_strsplit(text, "\n", 100);

	for (char **line = lines; *line; line++) {
		gsize length = strcspn(*line, " ");
		g_autofree char *name = g_strndup(*line, length);
		const char *object = *line + length;

		if (*object)
			input_store_add_json(store, name, object + 1, strlen(object + 1));
		else
			input_store_add(store, name, NULL, 0);
	}
	return store;
}

static void look_at_key(const VkSnapshotKey *key)
{
	g_autofree char *reference = g_strdup_printf("%s@%s", key->uuid, key->time);
	g_autoptr(VkSnapshotKey) found = vk_catalog_find_key_all(vault, reference, NULL);
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, NULL);
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, NULL);
	g_autoptr(VkSnapshotSummary) summary = vk_catalog_summarize(vault, key, NULL);
	g_autoptr(VkPin) pin = NULL;

	/* What is in the list is there, and a summary is as good as the object. */
	g_assert(kinds && vk_marks_have(kinds, VK_MARK_OBJECT));
	g_assert(!snapshot == !summary);
	g_assert(vk_catalog_load_pin(vault, key, &pin, NULL));
	g_assert(!pin || key->pinned);
	vk_snapshot_key_taken(key);
}

static void look_at_snapshots(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, NULL);
	g_autoptr(GPtrArray) listed = vk_catalog_list(vault, NULL, NULL);
	g_autoptr(GPtrArray) guests = vk_catalog_guests_all(vault, NULL);
	g_autoptr(GPtrArray) troubles = vk_chain_check(vault, NULL, NULL);

	g_assert(keys && listed && guests && listed->len <= keys->len);
	for (guint i = 0; i < keys->len; i++)
		look_at_key(g_ptr_array_index(keys, i));
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);

		g_assert(*guest->view_name && !strchr(guest->view_name, '/'));
		vk_catalog_find_guest(vault, guests, guest->view_name, NULL);
	}
}

static void look_at_packs(VkStore *store)
{
	g_autoptr(GArray) packs = vk_pack_list(store, NULL);

	g_assert(packs);
	for (guint i = 0; i < packs->len; i++) {
		const VkPackId *id = &g_array_index(packs, VkPackId, i);
		g_autoptr(GPtrArray) generations = vk_pack_generations(store, id, NULL);

		g_assert(generations);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	VkStore *store = take_lines(text);
	g_autoptr(GPtrArray) leases = NULL;
	g_autoptr(GHashTable) open = NULL;

	if (!vault)
		open_vault();
	vault->store = store;
	look_at_snapshots();
	look_at_packs(store);
	leases = vk_leases_list(store, NULL);
	open = vk_leases_open(store, NULL);
	g_assert(leases && open);
	vault->store = real;
	store->ops->free(store);
	return 0;
}
