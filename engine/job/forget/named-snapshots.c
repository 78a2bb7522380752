/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "named-snapshots.h"

#include "errors.h"
#include "when.h"

#include <string.h>

static void named_free(gpointer data)
{
	VkNamedSnapshot *named = data;

	g_free(named->name);
	vk_snapshot_key_free(named->key);
	g_free(named);
}

static gboolean has_id(const GPtrArray *found, const char *id)
{
	for (guint i = 0; i < found->len; i++)
		if (strcmp(((VkNamedSnapshot *)g_ptr_array_index(found, i))->key->id, id) == 0)
			return TRUE;
	return FALSE;
}

/* What is listed comes first: GUEST@latest is the newest that is not forgotten. */
static VkSnapshotKey *find_key(VkVault *vault, const char *reference, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	VkSnapshotKey *key = vk_catalog_find_key(vault, reference, &trouble);

	if (!key && g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		key = vk_catalog_find_key_all(vault, reference, NULL);
	if (!key)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return key;
}

static gboolean add(VkVault *vault, const char *reference, GPtrArray *found, GError **error)
{
	g_autofree char *guest = NULL, *time = NULL;
	VkNamedSnapshot *named;
	VkSnapshotKey *key;

	if (!vk_snapshot_name_parse(reference, &guest, &time, error))
		return FALSE;
	key = find_key(vault, reference, error);
	if (!key)
		return FALSE;
	if (has_id(found, key->id)) {
		vk_snapshot_key_free(key);
		return TRUE;
	}
	named = g_new0(VkNamedSnapshot, 1);
	named->name = g_strdup_printf("%s@%s", guest, key->time);
	named->key = key;
	g_ptr_array_add(found, named);
	return TRUE;
}

GPtrArray *vk_named_snapshots_find(VkVault *vault, char *const *references, GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(named_free);

	for (; *references; references++)
		if (!add(vault, *references, found, error))
			return NULL;
	return g_steal_pointer(&found);
}
