/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-cache.h"

#include "errors.h"
#include "pack-name.h"

/* At most 192 KiB each. */
#define TABLES_KEPT 64

struct VkPackCache {
	VkStore *store;
	const VkPackContext *context;
	GMutex mutex;
	GHashTable *tables; /* VkPackId (in the table) -> link in RECENT; under the mutex */
	GQueue recent;      /* VkPackTable, most recently used first; under the mutex */
};

/* Loads the first generation, or when compaction has replaced that, the highest. */
static VkPackTable *load_pack(VkPackCache *cache, const VkPackId *id, GError **error)
{
	g_autofree char *first = vk_pack_object(id, 0);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkPackTable) table =
		vk_pack_table_load(cache->store, cache->context, id, first, &trouble);

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		g_autofree char *object = vk_pack_find_generation(cache->store, id);

		if (!object) {
			vk_fail(error, VK_ERROR_DAMAGE, "'%s' is missing from the vault", first);
			return NULL;
		}
		g_clear_error(&trouble);
		table = vk_pack_table_load(cache->store, cache->context, id, object, &trouble);
	}
	if (table)
		return g_steal_pointer(&table);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return NULL;
}

VkPackCache *vk_pack_cache_new(VkStore *store, const VkPackContext *context)
{
	VkPackCache *cache = g_new0(VkPackCache, 1);

	cache->store = store;
	cache->context = context;
	g_mutex_init(&cache->mutex);
	cache->tables = g_hash_table_new(vk_pack_id_hash, vk_pack_id_equal);
	return cache;
}

void vk_pack_cache_free(VkPackCache *cache)
{
	VkPackTable *table;

	if (!cache)
		return;
	g_hash_table_unref(cache->tables);
	while ((table = g_queue_pop_head(&cache->recent)))
		vk_pack_table_unref(table);
	g_mutex_clear(&cache->mutex);
	g_free(cache);
}

static VkPackTable *find_table_locked(VkPackCache *cache, const VkPackId *id)
{
	GList *link = g_hash_table_lookup(cache->tables, id);

	if (!link)
		return NULL;
	g_queue_unlink(&cache->recent, link);
	g_queue_push_head_link(&cache->recent, link);
	return vk_pack_table_ref(link->data);
}

static void keep_table_locked(VkPackCache *cache, VkPackTable *table)
{
	if (g_hash_table_contains(cache->tables, &table->id))
		return;
	g_queue_push_head(&cache->recent, vk_pack_table_ref(table));
	g_hash_table_insert(cache->tables, &table->id, cache->recent.head);
	if (cache->recent.length > TABLES_KEPT) {
		VkPackTable *oldest = g_queue_pop_tail(&cache->recent);

		g_hash_table_remove(cache->tables, &oldest->id);
		vk_pack_table_unref(oldest);
	}
}

VkPackTable *vk_pack_cache_get(VkPackCache *cache, const VkPackId *id, GError **error)
{
	VkPackTable *table;

	g_mutex_lock(&cache->mutex);
	table = find_table_locked(cache, id);
	g_mutex_unlock(&cache->mutex);
	if (table)
		return table;

	table = load_pack(cache, id, error);
	if (table) {
		g_mutex_lock(&cache->mutex);
		keep_table_locked(cache, table);
		g_mutex_unlock(&cache->mutex);
	}
	return table;
}
