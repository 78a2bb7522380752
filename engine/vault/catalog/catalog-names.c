/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests' names. The cache knows the name of a guest while the guest's folder is the same. */
#include "catalog-priv.h"

#include "catalog-cache.h"
#include "layout.h"
#include "vault-parts.h"

#include <string.h>

/* Folders of the cache, by which snapshots count for a guest's name. */
#define LISTED "listed"
#define ALL    "all"
/* And an entry for all guests together. */
#define TIDY "tidy"

static GBytes *bytes_of(const char *text)
{
	return g_bytes_new(text, strlen(text));
}

/*
 * The name in the newest object that can be read, for damage in one must not hide the guest; else
 * the uuid. NULL: it has no snapshots. *RET_IS_NEWEST: it is that of the newest.
 */
static char *find_name(VkVault *vault, const char *uuid, const GPtrArray *keys, gboolean forgotten,
		       gboolean *ret_is_newest)
{
	guint unreadable = 0;

	*ret_is_newest = FALSE;
	for (guint i = keys->len; i > 0; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i - 1);
		g_autoptr(VkSnapshotSummary) summary = NULL;

		if (key->forgotten && !forgotten)
			continue;
		summary = vk_catalog_summarize(vault, key, NULL);
		*ret_is_newest = summary && unreadable == 0;
		if (summary)
			return g_strdup(summary->name);
		unreadable++;
	}
	return unreadable > 0 ? g_strdup(uuid) : NULL;
}

/* Drops what is of snapshots that are gone. */
static void tidy_guest(VkVault *vault, const char *uuid, const GPtrArray *keys)
{
	g_autoptr(GHashTable) stems = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < keys->len; i++)
		g_hash_table_add(stems, vk_snapshot_key_stem(g_ptr_array_index(keys, i)));
	vk_catalog_cache_keep(vault->catalog, VK_SHELF_SUMMARIES, uuid, stems);
	vk_catalog_cache_keep(vault->catalog, VK_SHELF_REPORTS, uuid, stems);
}

/* A date in the future comes of age, and may then be the newest no more. */
static gboolean is_settled(const GPtrArray *keys)
{
	for (guint i = 0; i < keys->len; i++)
		if (vk_snapshot_key_is_ahead(g_ptr_array_index(keys, i)))
			return FALSE;
	return TRUE;
}

/*
 * That a guest has no snapshots is never remembered: a first one that came at the very moment of
 * the listing must not stay unseen.
 */
gboolean vk_catalog_name_guest(VkVault *vault, const char *uuid, gboolean forgotten,
			       char **ret_name, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", uuid, NULL);
	const char *by = forgotten ? ALL : LISTED;
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(GBytes) bytes = NULL;
	gboolean is_known, is_newest;
	guint64 identity;

	/* Before it is listed: should it change meanwhile, the entry will not fit. */
	is_known = vault->catalog && vault->store->ops->identify(vault->store, folder, &identity);
	if (is_known)
		bytes = vk_catalog_cache_get(vault->catalog, VK_SHELF_GUESTS, by, uuid, identity);
	if (bytes) {
		*ret_name = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
		return TRUE;
	}
	keys = vk_catalog_list_all(vault, uuid, error);
	if (!keys)
		return FALSE;
	*ret_name = find_name(vault, uuid, keys, forgotten, &is_newest);
	if (!is_known || !is_newest || !is_settled(keys))
		return TRUE;
	tidy_guest(vault, uuid, keys);
	bytes = bytes_of(*ret_name);
	vk_catalog_cache_put(vault->catalog, VK_SHELF_GUESTS, by, uuid, identity, bytes);
	return TRUE;
}

void vk_catalog_tidy_guests(VkVault *vault, const GPtrArray *uuids)
{
	g_autoptr(GHashTable) kept = NULL;
	g_autoptr(GBytes) bytes = NULL;
	guint64 identity;

	if (!vault->catalog ||
	    !vault->store->ops->identify(vault->store, VK_FOLDER_SNAPS, &identity))
		return;
	bytes = vk_catalog_cache_get(vault->catalog, VK_SHELF_GUESTS, TIDY, TIDY, identity);
	if (bytes)
		return;
	kept = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < uuids->len; i++)
		g_hash_table_add(kept, g_ptr_array_index(uuids, i));
	vk_catalog_cache_keep_folders(vault->catalog, VK_SHELF_SUMMARIES, kept);
	vk_catalog_cache_keep_folders(vault->catalog, VK_SHELF_REPORTS, kept);
	vk_catalog_cache_keep(vault->catalog, VK_SHELF_GUESTS, LISTED, kept);
	vk_catalog_cache_keep(vault->catalog, VK_SHELF_GUESTS, ALL, kept);
	bytes = bytes_of("");
	vk_catalog_cache_put(vault->catalog, VK_SHELF_GUESTS, TIDY, TIDY, identity, bytes);
}
