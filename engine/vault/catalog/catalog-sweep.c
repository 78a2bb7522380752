/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A listing is no moment. So whatever looks abandoned in one is looked for in a second one, for
 * what has to be there first: a snapshot's object is put before all that lies beside it, and a
 * lease before its marks. A lease that is not there then, once it was, never comes back. A snapshot
 * may: a replication sends it again, but not while anything of it is left here. What an open lease
 * has put is left alone, whether there is a snapshot or not: its collector may go on to remove it.
 */
#include "catalog-sweep.h"

#include "catalog-priv.h"
#include "layout.h"
#include "lease-list.h"
#include "vault-parts.h"

#include <string.h>

/* Nothing else is removed: what it means may be known to a newer version. */
static gboolean is_known(const char *kind)
{
	return strcmp(kind, VK_MARK_FORGOTTEN) == 0 || g_str_has_prefix(kind, VK_MARK_BACK) ||
	       g_str_has_prefix(kind, VK_MARK_GOING) || g_str_has_prefix(kind, VK_MARK_PIN) ||
	       g_str_has_prefix(kind, VK_MARK_EXPIRING) || strcmp(kind, VK_MARK_EXPIRED) == 0 ||
	       g_str_has_prefix(kind, VK_MARK_BEFORE);
}

/* The lease whose mark it is; NULL: it is nobody's. Borrowed from KIND. */
static const char *lease_of(const char *kind)
{
	const char *id = NULL;

	if (g_str_has_prefix(kind, VK_MARK_BACK))
		id = kind + strlen(VK_MARK_BACK);
	else if (g_str_has_prefix(kind, VK_MARK_GOING))
		id = kind + strlen(VK_MARK_GOING);
	return id && vk_lease_is_id(id) ? id : NULL;
}

/* What is behind the first dot of NAME; *RET_OBJECT: the snapshot's object. NULL: it is no mark. */
static const char *split(const char *uuid, const char *name, char **ret_object)
{
	const char *dot = strchr(name, '.');
	g_autofree char *object =
		dot ? g_strdup_printf("%.*s." VK_MARK_OBJECT, (int)(dot - name), name) : NULL;
	g_autoptr(VkSnapshotKey) key = object ? vk_snapshot_key_parse(uuid, object) : NULL;

	if (!key || !is_known(dot + 1))
		return NULL;
	*ret_object = g_steal_pointer(&object);
	return dot + 1;
}

/* The names right below FOLDER/UUID, as a set. */
static GHashTable *list_set(VkVault *vault, const char *folder, const char *uuid, GError **error)
{
	g_autofree char *path = g_build_filename(folder, uuid, NULL);
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, path, error);
	g_autoptr(GHashTable) set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; names && i < names->len; i++)
		g_hash_table_add(set, g_strdup(g_ptr_array_index(names, i)));
	return names ? g_steal_pointer(&set) : NULL;
}

/* OPEN: nullable. Without it, whether it looks so before the leases are known. */
static gboolean is_abandoned(const char *uuid, const char *name, GHashTable *names,
			     GHashTable *open)
{
	g_autofree char *object = NULL;
	const char *kind = split(uuid, name, &object);
	const char *id = kind ? lease_of(kind) : NULL;

	if (!kind)
		return FALSE;
	if (id)
		return !open || !g_hash_table_contains(open, id);
	return !g_hash_table_contains(names, object);
}

/* Of NAMES, the marks that look abandoned. Borrowed from NAMES. */
static GPtrArray *find_suspects(const char *uuid, GHashTable *names)
{
	GPtrArray *suspects = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (is_abandoned(uuid, name, names, NULL))
			g_ptr_array_add(suspects, name);
	return suspects;
}

static gboolean sweep_marks(VkVault *vault, const char *uuid, GError **error)
{
	g_autoptr(GHashTable) names = list_set(vault, VK_FOLDER_SNAPS, uuid, error);
	g_autoptr(GPtrArray) suspects = names ? find_suspects(uuid, names) : NULL;
	g_autoptr(GHashTable) open = NULL;
	g_autoptr(GHashTable) again = NULL;

	if (!suspects || suspects->len == 0)
		return suspects != NULL;
	again = list_set(vault, VK_FOLDER_SNAPS, uuid, error);
	open = again ? vk_leases_open(vault->store, error) : NULL;
	for (guint i = 0; open && i < suspects->len; i++) {
		const char *name = g_ptr_array_index(suspects, i);
		g_autofree char *mark = g_build_filename(VK_FOLDER_SNAPS, uuid, name, NULL);

		if (is_abandoned(uuid, name, again, open) &&
		    !vault->store->ops->delete (vault->store, mark, error))
			return FALSE;
	}
	return open != NULL;
}

/* The copies are listed first: each had its snapshot then. */
static gboolean sweep_copies(VkVault *vault, const char *uuid, GError **error)
{
	g_autoptr(GHashTable) copies = list_set(vault, VK_FOLDER_COPIES, uuid, error);
	g_autoptr(GHashTable) names = NULL;
	GHashTableIter iter;
	gpointer name;

	if (!copies || g_hash_table_size(copies) == 0)
		return copies != NULL;
	names = list_set(vault, VK_FOLDER_SNAPS, uuid, error);
	g_hash_table_iter_init(&iter, copies);
	while (names && g_hash_table_iter_next(&iter, &name, NULL)) {
		g_autoptr(VkSnapshotKey) key = vk_snapshot_key_parse(uuid, name);
		g_autofree char *object = g_build_filename(VK_FOLDER_COPIES, uuid, name, NULL);

		if (key && !g_hash_table_contains(names, name) &&
		    !vault->store->ops->delete (vault->store, object, error))
			return FALSE;
	}
	return names != NULL;
}

gboolean vk_catalog_sweep(VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) uuids = vk_catalog_uuids(vault, error);

	for (guint i = 0; uuids && i < uuids->len; i++)
		if (!sweep_marks(vault, g_ptr_array_index(uuids, i), error) ||
		    !sweep_copies(vault, g_ptr_array_index(uuids, i), error))
			return FALSE;
	return uuids != NULL;
}
