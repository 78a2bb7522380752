/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-priv.h"

#include "catalog-cache.h"
#include "vault-parts.h"

/* In the cache: the identity of the object with later copies, 0 when there is none; the summary. */
#define CACHED "(tv)"

/* Those of a snapshot that may get any. */
static guint64 identify_copies(VkVault *vault, const VkSnapshotKey *key)
{
	g_autofree char *name = vk_snapshot_copies_object(key->uuid, key->time, key->id);
	guint64 identity;

	return vault->store->ops->identify(vault->store, name, &identity) ? identity : 0;
}

static VkSnapshotSummary *recall(VkVault *vault, const VkSnapshotKey *key, const char *stem,
				 guint64 identity)
{
	g_autoptr(GBytes) bytes = vk_catalog_cache_get(vault->catalog, key->uuid, stem, identity);
	g_autoptr(VkSnapshotSummary) summary = NULL;
	g_autoptr(GVariant) packed = NULL;
	g_autoptr(GVariant) cached = NULL;
	guint64 copies;

	if (!bytes)
		return NULL;
	cached = g_variant_new_from_bytes(G_VARIANT_TYPE(CACHED), bytes, FALSE);
	g_variant_get(cached, CACHED, &copies, &packed);
	summary = vk_snapshot_summary_unpack(packed);
	if (summary && summary->may_get_copies && copies != identify_copies(vault, key))
		return NULL;
	return g_steal_pointer(&summary);
}

static void remember(VkVault *vault, const VkSnapshotKey *key, const char *stem, guint64 identity,
		     guint64 copies, const VkSnapshotSummary *summary)
{
	g_autoptr(GVariant) cached =
		g_variant_ref_sink(g_variant_new(CACHED, copies, summary->packed));
	g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes(cached);

	vk_catalog_cache_put(vault->catalog, key->uuid, stem, identity, bytes);
}

static VkSnapshotSummary *read_summary(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, error);

	return snapshot ? vk_snapshot_summary_new(snapshot) : NULL;
}

VkSnapshotSummary *vk_catalog_summarize(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autofree char *stem = vk_snapshot_key_stem(key);
	VkSnapshotSummary *summary;
	guint64 identity, copies;

	if (!vault->catalog || !vault->store->ops->identify(vault->store, object, &identity))
		return read_summary(vault, key, error);
	summary = recall(vault, key, stem, identity);
	if (summary)
		return summary;
	/* Before the copies are read: should they change meanwhile, the entry will not fit. */
	copies = identify_copies(vault, key);
	summary = read_summary(vault, key, error);
	if (summary)
		remember(vault, key, stem, identity, copies, summary);
	return summary;
}
