/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rebuild.h"

#include "catalog.h"
#include "errors.h"
#include "interrupt.h"

/*
 * A disk may have lost the object, which does not show in the error. But if the storage is away,
 * nothing is known of it.
 */
static gboolean read_snapshot(VkVault *vault, const VkSnapshotKey *key, VkRebuildResult *result,
			      GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, &trouble);
	g_autoptr(GPtrArray) keys = NULL;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	/* A collector has removed it since it was listed. */
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (snapshot)
		result->snapshots++;
	else
		result->damaged++;
	if (snapshot || g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		return TRUE;
	keys = vk_catalog_list_all(vault, key->uuid, error);
	return keys != NULL;
}

/* Each object is read: a cache may know one that is damaged by now. */
static gboolean read_snapshots(VkVault *vault, const GPtrArray *keys, VkRebuildResult *result,
			       GError **error)
{
	for (guint i = 0; i < keys->len; i++)
		if (!read_snapshot(vault, keys->pdata[i], result, error))
			return FALSE;
	return TRUE;
}

/* A list fills the cache. */
static void fill_cache(VkVault *vault, const GPtrArray *keys)
{
	g_autoptr(GPtrArray) summaries = NULL;

	vk_vault_clear_cache(vault);
	summaries = vk_catalog_summarize_all(vault, keys);
}

gboolean vk_rebuild(VkVault *vault, gboolean dry_run, VkRebuildResult *result, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, error);

	*result = (VkRebuildResult){0};
	if (!keys || !vk_vault_rebuild_hints(vault, dry_run, &result->hints, error) ||
	    !read_snapshots(vault, keys, result, error))
		return FALSE;
	if (!dry_run)
		fill_cache(vault, keys);
	return TRUE;
}
