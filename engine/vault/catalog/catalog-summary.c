/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What needs no whole object: from the cache, or from the object for the cache. */
#include "catalog-priv.h"

#include "catalog-cache.h"
#include "vault-parts.h"

#include "interrupt.h"

#include <stdlib.h>
#include <string.h>

/*
 * An entry begins with the identity of the object with later copies: 0 when there is none, and this
 * when the snapshot never gets any.
 */
#define NO_COPIES G_MAXUINT64

/* Fewer objects are not worth threads. */
#define MANY 8

/* Where the cache has what it knows of a snapshot. */
typedef struct {
	VkVault *vault;
	const VkSnapshotKey *key;
	char *stem;
	gboolean is_known; /* the object has an identity */
	guint64 identity;
} Place;

static void place_init(Place *place, VkVault *vault, const VkSnapshotKey *key)
{
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);

	*place = (Place){.vault = vault, .key = key, .stem = vk_snapshot_key_stem(key)};
	place->is_known = vault->catalog &&
			  vault->store->ops->identify(vault->store, object, &place->identity);
}

static void place_clear(Place *place)
{
	g_free(place->stem);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static guint64 identify_copies(const Place *place)
{
	const VkSnapshotKey *key = place->key;
	VkStore *store = place->vault->store;
	g_autofree char *name = vk_snapshot_copies_object(key->uuid, key->time, key->id);
	guint64 identity;

	return store->ops->identify(store, name, &identity) ? identity : 0;
}

static GBytes *recall(const Place *place, VkCacheShelf shelf)
{
	g_autoptr(GBytes) bytes =
		place->is_known
			? vk_catalog_cache_get(place->vault->catalog, shelf, place->key->uuid,
					       place->stem, place->identity)
			: NULL;
	guint64 copies;
	gsize length;
	const void *at = bytes ? g_bytes_get_data(bytes, &length) : NULL;

	if (!bytes || length < sizeof(copies))
		return NULL;
	memcpy(&copies, at, sizeof(copies));
	if (copies != NO_COPIES && copies != identify_copies(place))
		return NULL;
	return g_bytes_new_from_bytes(bytes, sizeof(copies), length - sizeof(copies));
}

static void remember(const Place *place, VkCacheShelf shelf, guint64 copies, const void *value,
		     gsize length)
{
	GByteArray *entry = g_byte_array_new();
	g_autoptr(GBytes) bytes = NULL;

	g_byte_array_append(entry, (const guint8 *)&copies, sizeof(copies));
	g_byte_array_append(entry, value, (guint)length);
	bytes = g_byte_array_free_to_bytes(entry);
	vk_catalog_cache_put(place->vault->catalog, shelf, place->key->uuid, place->stem,
			     place->identity, bytes);
}

/* New string, of malloc(). */
static char *report_line(const VkSnapshot *snapshot)
{
	g_autoptr(json_t) report = vk_snapshot_to_report(snapshot);

	return json_dumps(report, JSON_COMPACT);
}

/* Reads the object and remembers all that is asked for later. */
static VkSnapshot *load(const Place *place, GError **error)
{
	/* Before they are read: should they change meanwhile, the entry will not fit. */
	guint64 copies = place->is_known ? identify_copies(place) : 0;
	VkSnapshot *snapshot = vk_catalog_load(place->vault, place->key, error);
	g_autoptr(VkSnapshotSummary) summary = NULL;
	char *report;
	gsize length;

	if (!snapshot || !place->is_known)
		return snapshot;
	if (!vk_snapshot_is_on_array(snapshot))
		copies = NO_COPIES;
	summary = vk_snapshot_summary_new(snapshot);
	remember(place, VK_SHELF_SUMMARIES, copies, g_bytes_get_data(summary->packed, &length),
		 g_bytes_get_size(summary->packed));
	report = report_line(snapshot);
	remember(place, VK_SHELF_REPORTS, copies, report, strlen(report));
	free(report);
	return snapshot;
}

static VkSnapshotSummary *recall_summary(const Place *place)
{
	g_autoptr(GBytes) bytes = recall(place, VK_SHELF_SUMMARIES);

	return bytes ? vk_snapshot_summary_unpack(bytes) : NULL;
}

static VkSnapshotSummary *load_summary(const Place *place, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = load(place, error);

	return snapshot ? vk_snapshot_summary_new(snapshot) : NULL;
}

VkSnapshotSummary *vk_catalog_summarize(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_auto(Place) place;
	VkSnapshotSummary *summary;

	place_init(&place, vault, key);
	summary = recall_summary(&place);
	return summary ? summary : load_summary(&place, error);
}

json_t *vk_catalog_report(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_auto(Place) place;
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	json_t *report = NULL;

	place_init(&place, vault, key);
	bytes = recall(&place, VK_SHELF_REPORTS);
	if (bytes)
		report =
			json_loadb(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), 0, NULL);
	if (report)
		return report;
	snapshot = load(&place, error);
	return snapshot ? vk_snapshot_to_report(snapshot) : NULL;
}

typedef struct {
	VkVault *vault;
	const GPtrArray *keys;
	GPtrArray *summaries; /* of the keys; NULL: not known yet */
} Gathering;

/* NUMBER counts from 1, for a pool takes no NULL. */
static void gather_one(gpointer number, gpointer data)
{
	const Gathering *gathering = data;
	guint i = GPOINTER_TO_UINT(number) - 1;

	if (!vk_interrupted())
		gathering->summaries->pdata[i] = vk_catalog_summarize(
			gathering->vault, g_ptr_array_index(gathering->keys, i), NULL);
}

static void summary_free(gpointer summary)
{
	vk_snapshot_summary_free(summary);
}

/* Reads those with the numbers MISSING, from 1 on. */
static void gather(Gathering *gathering, const GArray *missing)
{
	GThreadPool *pool = missing->len < MANY
				    ? NULL
				    : g_thread_pool_new(gather_one, gathering,
							(gint)g_get_num_processors(), FALSE, NULL);

	for (guint i = 0; i < missing->len; i++) {
		gpointer number = GUINT_TO_POINTER(g_array_index(missing, guint, i));

		if (pool)
			g_thread_pool_push(pool, number, NULL);
		else
			gather_one(number, gathering);
	}
	if (pool)
		g_thread_pool_free(pool, FALSE, TRUE);
}

GPtrArray *vk_catalog_summarize_all(VkVault *vault, const GPtrArray *keys)
{
	GPtrArray *summaries = g_ptr_array_new_with_free_func(summary_free);
	Gathering gathering = {.vault = vault, .keys = keys, .summaries = summaries};
	g_autoptr(GArray) missing = g_array_new(FALSE, FALSE, sizeof(guint));

	g_ptr_array_set_size(summaries, (gint)keys->len);
	for (guint i = 0; i < keys->len; i++) {
		g_auto(Place) place;
		guint number = i + 1;

		place_init(&place, vault, g_ptr_array_index(keys, i));
		summaries->pdata[i] = recall_summary(&place);
		if (!summaries->pdata[i])
			g_array_append_val(missing, number);
	}
	gather(&gathering, missing);
	return summaries;
}
