/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests' names. The cache knows which snapshot is a guest's newest while its folder is the same.
 */
#include "catalog-priv.h"

#include "catalog-cache.h"
#include "layout.h"
#include "vault-parts.h"

#include <string.h>

/* Entries of the cache beside those of snapshots, whose names begin with a digit. */
#define NEWEST     "newest"
#define NEWEST_ALL "newest-all"
/* An entry for all guests together, in no guest's folder. */
#define GUESTS "guests"

static GBytes *bytes_of(const char *text)
{
	return g_bytes_new(text, strlen(text));
}

char *vk_catalog_name_by_keys(VkVault *vault, const char *uuid, const GPtrArray *keys)
{
	for (guint i = keys->len; i > 0; i--) {
		g_autoptr(VkSnapshotSummary) summary =
			vk_catalog_summarize(vault, g_ptr_array_index(keys, i - 1), NULL);

		if (summary)
			return g_strdup(summary->name);
	}
	return g_strdup(uuid);
}

/* FALSE: it is not known, or the newest snapshot cannot be read. */
static gboolean recall(VkVault *vault, const char *uuid, const char *entry, guint64 identity,
		       char **ret_name)
{
	g_autoptr(GBytes) bytes = vk_catalog_cache_get(vault->catalog, uuid, entry, identity);
	g_autoptr(VkSnapshotSummary) summary = NULL;
	g_autoptr(VkSnapshotKey) key = NULL;
	g_autofree char *name = NULL;
	gsize length;
	const char *stem;

	if (!bytes)
		return FALSE;
	*ret_name = NULL;
	stem = g_bytes_get_data(bytes, &length);
	if (length == 0)
		return TRUE;
	name = g_strdup_printf("%.*s.json", (int)length, stem);
	key = vk_snapshot_key_parse(uuid, name);
	summary = key ? vk_catalog_summarize(vault, key, NULL) : NULL;
	*ret_name = summary ? g_strdup(summary->name) : NULL;
	return summary != NULL;
}

/* Also drops what is of snapshots that are gone: the folder has changed. */
static void remember(VkVault *vault, const char *uuid, const char *entry, guint64 identity,
		     const GPtrArray *keys)
{
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *stem = g_strdup("");
	g_autoptr(GBytes) bytes = NULL;

	for (guint i = 0; i < keys->len; i++) {
		g_free(stem);
		stem = vk_snapshot_key_stem(g_ptr_array_index(keys, i));
		g_hash_table_add(names, g_strdup(stem));
	}
	g_hash_table_add(names, g_strdup(NEWEST));
	g_hash_table_add(names, g_strdup(NEWEST_ALL));
	vk_catalog_cache_keep(vault->catalog, uuid, names);
	bytes = bytes_of(stem);
	vk_catalog_cache_put(vault->catalog, uuid, entry, identity, bytes);
}

/* A date in the future comes of age, and may then be the newest no more. */
static gboolean is_settled(const GPtrArray *keys)
{
	for (guint i = 0; i < keys->len; i++)
		if (vk_snapshot_key_is_ahead(g_ptr_array_index(keys, i)))
			return FALSE;
	return TRUE;
}

gboolean vk_catalog_name_by_uuid(VkVault *vault, const char *uuid, gboolean forgotten,
				 char **ret_name, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", uuid, NULL);
	const char *entry = forgotten ? NEWEST_ALL : NEWEST;
	g_autoptr(GPtrArray) keys = NULL;
	guint64 identity;
	gboolean known;

	/* Before it is listed: should it change meanwhile, the entry will not fit. */
	known = vault->catalog && vault->store->ops->identify(vault->store, folder, &identity);
	if (known && recall(vault, uuid, entry, identity, ret_name))
		return TRUE;
	keys = forgotten ? vk_catalog_list_all(vault, uuid, error)
			 : vk_catalog_list(vault, uuid, error);
	if (!keys)
		return FALSE;
	*ret_name = keys->len > 0 ? vk_catalog_name_by_keys(vault, uuid, keys) : NULL;
	if (known && is_settled(keys))
		remember(vault, uuid, entry, identity, keys);
	return TRUE;
}

void vk_catalog_tidy_guests(VkVault *vault, const GPtrArray *uuids)
{
	g_autoptr(GHashTable) folders = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GBytes) bytes = NULL;
	char none[] = "";
	guint64 identity;

	if (!vault->catalog ||
	    !vault->store->ops->identify(vault->store, VK_FOLDER_SNAPS, &identity))
		return;
	bytes = vk_catalog_cache_get(vault->catalog, none, GUESTS, identity);
	if (bytes)
		return;
	g_hash_table_add(folders, none);
	for (guint i = 0; i < uuids->len; i++)
		g_hash_table_add(folders, g_ptr_array_index(uuids, i));
	vk_catalog_cache_keep_folders(vault->catalog, folders);
	bytes = bytes_of(none);
	vk_catalog_cache_put(vault->catalog, none, GUESTS, identity, bytes);
}
