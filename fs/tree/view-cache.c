/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view-cache.h"

struct VkCachedView {
	gatomicrefcount references;
	char *name;
	VkView *view;
	VkParts *parts;
	GList link; /* in the cache's order; guarded by the cache's lock */
};

struct VkViewCache {
	VkViewCacheLoad load;
	void *data;
	guint limit;
	GMutex lock;
	GHashTable *views; /* name -> VkCachedView, one reference each */
	GQueue order;      /* the same, last used first */
};

VkViewCache *vk_view_cache_new(VkViewCacheLoad load, void *data, guint limit)
{
	VkViewCache *cache = g_new0(VkViewCache, 1);

	cache->load = load;
	cache->data = data;
	cache->limit = limit;
	g_mutex_init(&cache->lock);
	cache->views = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
					     (GDestroyNotify)vk_cached_view_unref);
	g_queue_init(&cache->order);
	return cache;
}

void vk_view_cache_free(VkViewCache *cache)
{
	if (!cache)
		return;
	g_hash_table_unref(cache->views);
	g_mutex_clear(&cache->lock);
	g_free(cache);
}

VkView *vk_cached_view(VkCachedView *cached)
{
	return cached->view;
}

VkParts *vk_cached_view_parts(VkCachedView *cached)
{
	return cached->parts;
}

VkCachedView *vk_cached_view_ref(VkCachedView *cached)
{
	g_atomic_ref_count_inc(&cached->references);
	return cached;
}

void vk_cached_view_unref(VkCachedView *cached)
{
	if (!cached || !g_atomic_ref_count_dec(&cached->references))
		return;
	vk_parts_free(cached->parts);
	vk_view_free(cached->view);
	g_free(cached->name);
	g_free(cached);
}

static VkCachedView *find_locked(VkViewCache *cache, const char *name)
{
	VkCachedView *cached = g_hash_table_lookup(cache->views, name);

	if (!cached)
		return NULL;
	g_queue_unlink(&cache->order, &cached->link);
	g_queue_push_head_link(&cache->order, &cached->link);
	return vk_cached_view_ref(cached);
}

/* Returns what must be given back without the lock, or NULL. */
static VkCachedView *put_locked(VkViewCache *cache, VkCachedView *cached)
{
	VkCachedView *oldest = NULL;

	g_hash_table_insert(cache->views, cached->name, vk_cached_view_ref(cached));
	g_queue_push_head_link(&cache->order, &cached->link);
	if (cache->order.length > cache->limit) {
		oldest = g_queue_peek_tail(&cache->order);
		g_queue_unlink(&cache->order, &oldest->link);
		g_hash_table_steal(cache->views, oldest->name);
	}
	return oldest;
}

VkCachedView *vk_view_cache_get(VkViewCache *cache, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autoptr(VkCachedView) dropped = NULL;
	VkCachedView *cached;
	VkView *view;

	g_mutex_lock(&cache->lock);
	cached = find_locked(cache, name);
	g_mutex_unlock(&cache->lock);
	if (cached)
		return cached;
	view = cache->load(cache->data, key, error);
	if (!view)
		return NULL;

	cached = g_new0(VkCachedView, 1);
	g_atomic_ref_count_init(&cached->references);
	cached->name = g_steal_pointer(&name);
	cached->view = view;
	cached->parts = vk_parts_new(view);
	cached->link.data = cached;
	g_mutex_lock(&cache->lock);
	/* Two threads may have loaded it at once: the first one's is kept. */
	dropped = cached;
	cached = find_locked(cache, dropped->name);
	if (!cached) {
		cached = dropped;
		dropped = put_locked(cache, cached);
	}
	g_mutex_unlock(&cache->lock);
	return cached;
}
