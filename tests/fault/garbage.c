/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "garbage.h"

#include "catalog-chain.h"
#include "hints.h"
#include "pack-name.h"
#include "vault-parts.h"

#include <check.h>
#include <string.h>

#define STALE_PACKS 40u

/* Of all packs, and of so many that are gone that half of the file is for nothing. */
static void put_stale_hints(VkVault *vault)
{
	const VkHintsPlace place = vk_vault_hints_place(vault);
	g_autoptr(GArray) packs = vk_pack_list(vault->store, NULL);
	VkHints *hints = vk_hints_open(&place, NULL);

	for (guint i = 0; i < STALE_PACKS; i++) {
		const VkPackId pack = {.bytes = {(guint8)i}};

		g_array_append_val(packs, pack);
	}
	for (guint i = 0; i < packs->len; i++) {
		const VkBlockId id = {.bytes = {(guint8)(i * 5), (guint8)i}};

		vk_hints_add(hints, &id, &g_array_index(packs, VkPackId, i), i);
	}
	ck_assert(vk_hints_commit(hints, NULL));
	vk_hints_free(hints);
}

/* In the vault, so that a copy of the vault has what was known then. */
static void set_memory(VkVault *vault)
{
	g_autofree char *path = g_build_filename(vault->directory, "memory.sqlite", NULL);

	vk_vault_set_memory(vault, path);
}

void garbage_make(Ledger *ledger, const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_init(directory, NULL);

	ck_assert_ptr_nonnull(vault);
	set_memory(vault);
	*ledger = (Ledger){0};
	ledger_back_up(ledger, vault, '1', "abcdefghijkl");
	ledger_back_up(ledger, vault, '2', "ab123456");
	ledger_back_up(ledger, vault, '3', "mnopqr");
	ledger_back_up(ledger, vault, '1', "ab3456.stuvw");
	ck_assert_uint_eq(ledger->count, GARBAGE_ENTRIES);
	put_stale_hints(vault);
	/* A collection puts it again. */
	ck_assert(vault->store->ops->delete (vault->store, "reserve/2", NULL));
}

gboolean garbage_collect(const char *directory, VkCollectResult *result, GError **error)
{
	/* Nobody lives. Who is waited for nevertheless will be found as a leftover. */
	static const VkCollectOptions options = {.suspect_usec = G_USEC_PER_SEC};
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, error);

	if (!vault)
		return FALSE;
	set_memory(vault);
	return vk_collect(vault, &options, result, error);
}

static void check_empty(VkVault *vault, const char *folder)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

	ck_assert_ptr_nonnull(names);
	ck_assert_msg(names->len == 0, "'%s/%s' is left in '%s'", folder,
		      (const char *)names->pdata[0], vault->directory);
}

/* The claim of a commit that died goes after a day. The highest number of a guest stays. */
static gboolean may_stay(const char *name)
{
	return g_str_has_suffix(name, ".json") || g_str_has_suffix(name, ".claim") ||
	       g_str_has_prefix(name, "reached-");
}

/* No mark is left beside the snapshots. */
static void check_snapshots_alone(VkVault *vault)
{
	g_autoptr(GPtrArray) guests = vault->store->ops->list(vault->store, "snaps", NULL);

	for (guint i = 0; i < guests->len; i++) {
		g_autofree char *folder = g_build_filename("snaps", guests->pdata[i], NULL);
		g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, folder, NULL);

		for (guint j = 0; j < names->len; j++)
			ck_assert_msg(may_stay(names->pdata[j]), "'%s%s' is left in '%s'", folder,
				      (const char *)names->pdata[j], vault->directory);
	}
}

static void check_reserve(VkVault *vault)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "reserve", NULL);

	ck_assert_uint_eq(names->len, 4);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *name = g_build_filename("reserve", names->pdata[i], NULL);
		guint64 size;

		ck_assert(vault->store->ops->head(vault->store, name, &size, NULL, NULL));
		ck_assert_uint_eq(size, 256 * 1024);
	}
}

static void check_tidy(const char *directory)
{
	static const char *const folders[] = {"leases", "gc", "fence", "tmp"};
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
		check_empty(vault, folders[i]);
	check_snapshots_alone(vault);
	check_reserve(vault);
}

/* Nobody says by mistake that the vault holds something back. */
static void check_chains(const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) texts = NULL;

	set_memory(vault);
	texts = vk_chain_check(vault, NULL, NULL);
	ck_assert_ptr_nonnull(texts);
	ck_assert_msg(texts->len == 0, "'%s': %s", directory, (const char *)texts->pdata[0]);
}

static VkCollectResult collect_well(const char *directory)
{
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	ck_assert_msg(garbage_collect(directory, &result, &error), "'%s': %s", directory,
		      error ? error->message : "");
	return result;
}

static void back_up(Ledger *ledger, const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);

	ck_assert_ptr_nonnull(vault);
	set_memory(vault);
	ledger_back_up(ledger, vault, '2', "cdef1mnop");
}

void garbage_check_future(const Ledger *ledger, const char *directory)
{
	Ledger future = *ledger;
	VkCollectResult again;

	ledger_check(&future, directory);
	check_chains(directory);
	ledger_settle(&future, directory);
	back_up(&future, directory);
	ledger_check(&future, directory);
	collect_well(directory);
	ledger_check(&future, directory);
	check_chains(directory);
	again = collect_well(directory);
	ck_assert_uint_eq(again.snapshots + again.packs + again.compacted, 0);
	check_tidy(directory);
}
