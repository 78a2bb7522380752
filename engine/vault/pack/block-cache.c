/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block-cache.h"

#include <string.h>

#define DEFAULT_SIZE (64u << 20)
/* The memory of an entry besides its bytes: there may be many tiny map pages. */
#define ENTRY_COST 256u

typedef struct Address {
	VkPackId pack;
	guint32 slot;
} Address;

typedef struct Entry {
	Address address;
	GBytes *bytes;
} Entry;

struct VkBlockCache {
	VkPackCache *packs;
	GMutex mutex;
	GCond loaded;
	GHashTable *entries; /* Address (in the entry) -> link in RECENT; under the mutex */
	GQueue recent;       /* Entry, most recently used first; under the mutex */
	GHashTable *loading; /* Address, owned by the loading thread's stack; under the mutex */
	GHashTable *pinned;  /* Address, owned -> GBytes; under the mutex */
	gsize bytes;         /* under the mutex */
	gsize limit;
};

static guint address_hash(gconstpointer key)
{
	const Address *address = key;
	guint hash;

	memcpy(&hash, address->pack.bytes, sizeof(hash));
	return hash ^ address->slot * 2654435761u;
}

static gboolean address_equal(gconstpointer a, gconstpointer b)
{
	const Address *x = a;
	const Address *y = b;

	return x->slot == y->slot && memcmp(&x->pack, &y->pack, sizeof(x->pack)) == 0;
}

static void entry_free(Entry *entry)
{
	g_bytes_unref(entry->bytes);
	g_free(entry);
}

VkBlockCache *vk_block_cache_new(VkPackCache *packs)
{
	VkBlockCache *cache = g_new0(VkBlockCache, 1);

	cache->packs = packs;
	cache->limit = DEFAULT_SIZE;
	g_mutex_init(&cache->mutex);
	g_cond_init(&cache->loaded);
	cache->entries = g_hash_table_new(address_hash, address_equal);
	cache->loading = g_hash_table_new(address_hash, address_equal);
	cache->pinned = g_hash_table_new_full(address_hash, address_equal, g_free,
					      (GDestroyNotify)g_bytes_unref);
	return cache;
}

void vk_block_cache_free(VkBlockCache *cache)
{
	Entry *entry;

	if (!cache)
		return;
	g_hash_table_unref(cache->entries);
	g_hash_table_unref(cache->loading);
	g_hash_table_unref(cache->pinned);
	while ((entry = g_queue_pop_head(&cache->recent)))
		entry_free(entry);
	g_mutex_clear(&cache->mutex);
	g_cond_clear(&cache->loaded);
	g_free(cache);
}

void vk_block_cache_set_size(VkBlockCache *cache, gsize bytes)
{
	cache->limit = bytes;
}

static GBytes *find_locked(VkBlockCache *cache, const Address *address)
{
	GList *link = g_hash_table_lookup(cache->entries, address);
	GBytes *pinned = g_hash_table_lookup(cache->pinned, address);

	if (pinned)
		return g_bytes_ref(pinned);
	if (!link)
		return NULL;
	g_queue_unlink(&cache->recent, link);
	g_queue_push_head_link(&cache->recent, link);
	return g_bytes_ref(((Entry *)link->data)->bytes);
}

static void keep_locked(VkBlockCache *cache, const Address *address, GBytes *bytes)
{
	Entry *entry = g_new0(Entry, 1);

	entry->address = *address;
	entry->bytes = g_bytes_ref(bytes);
	g_queue_push_head(&cache->recent, entry);
	g_hash_table_insert(cache->entries, &entry->address, cache->recent.head);
	cache->bytes += g_bytes_get_size(bytes) + ENTRY_COST;
	while (cache->bytes > cache->limit) {
		entry = g_queue_pop_tail(&cache->recent);
		g_hash_table_remove(cache->entries, &entry->address);
		cache->bytes -= g_bytes_get_size(entry->bytes) + ENTRY_COST;
		entry_free(entry);
	}
}

static GBytes *load(VkBlockCache *cache, const Address *address, guint8 kind, GError **error)
{
	/* On the stack: a buffer of the heap would cost more than most of what is cached. */
	guint8 buf[VK_BLOCK_SIZE];
	gsize length;

	if (!vk_pack_cache_read(cache->packs, &address->pack, address->slot, kind, buf, &length,
				NULL, error))
		return NULL;
	return g_bytes_new(buf, length);
}

/*
 * Slots of different kinds have different addresses, so that the kind, which is checked on loading,
 * need not be part of the key.
 */
GBytes *vk_block_cache_get(VkBlockCache *cache, const VkPackId *pack, guint32 slot, guint8 kind,
			   GError **error)
{
	Address address = {.pack = *pack, .slot = slot};
	GBytes *bytes;

	g_mutex_lock(&cache->mutex);
	while (!(bytes = find_locked(cache, &address)) &&
	       g_hash_table_contains(cache->loading, &address))
		g_cond_wait(&cache->loaded, &cache->mutex);
	if (bytes) {
		g_mutex_unlock(&cache->mutex);
		return bytes;
	}
	g_hash_table_add(cache->loading, &address);
	g_mutex_unlock(&cache->mutex);

	bytes = load(cache, &address, kind, error);

	g_mutex_lock(&cache->mutex);
	g_hash_table_remove(cache->loading, &address);
	if (bytes)
		keep_locked(cache, &address, bytes);
	g_cond_broadcast(&cache->loaded);
	g_mutex_unlock(&cache->mutex);
	return bytes;
}

/* Copies the block if the cache has it. One that is too short is left to the reader of the pack. */
static gboolean copy_cached(VkBlockCache *cache, const Address *address, guint8 *buf)
{
	g_autoptr(GBytes) bytes = NULL;

	g_mutex_lock(&cache->mutex);
	bytes = find_locked(cache, address);
	g_mutex_unlock(&cache->mutex);
	if (!bytes || g_bytes_get_size(bytes) < VK_BLOCK_SIZE)
		return FALSE;
	memcpy(buf, g_bytes_get_data(bytes, NULL), VK_BLOCK_SIZE);
	return TRUE;
}

gboolean vk_block_cache_read(VkBlockCache *cache, const VkPackId *pack, guint32 slot, guint32 count,
			     void *buf, GError **error)
{
	guint32 missing = slot; /* the first one that is to be read */
	guint8 *out = buf;

	for (guint32 i = 0; i < count; i++) {
		Address address = {.pack = *pack, .slot = slot + i};
		guint32 n = address.slot - missing;

		if (!copy_cached(cache, &address, out + (gsize)i * VK_BLOCK_SIZE))
			continue;
		if (!vk_pack_cache_read_blocks(cache->packs, pack, missing, n,
					       out + (gsize)(i - n) * VK_BLOCK_SIZE, error))
			return FALSE;
		missing = address.slot + 1;
	}
	count -= missing - slot;
	return vk_pack_cache_read_blocks(cache->packs, pack, missing, count,
					 out + (gsize)(missing - slot) * VK_BLOCK_SIZE, error);
}

void vk_block_cache_pin(VkBlockCache *cache, const VkPackId *pack, guint32 slot, GBytes *bytes)
{
	Address address = {.pack = *pack, .slot = slot};

	g_mutex_lock(&cache->mutex);
	g_hash_table_insert(cache->pinned, g_memdup2(&address, sizeof(address)),
			    g_bytes_ref(bytes));
	g_mutex_unlock(&cache->mutex);
}

static gboolean is_of_pack(gpointer key, gpointer value, gpointer pack)
{
	return memcmp(&((const Address *)key)->pack, pack, sizeof(VkPackId)) == 0;
}

void vk_block_cache_unpin_pack(VkBlockCache *cache, const VkPackId *pack)
{
	VkPackId id = *pack;

	g_mutex_lock(&cache->mutex);
	g_hash_table_foreach_remove(cache->pinned, is_of_pack, &id);
	g_mutex_unlock(&cache->mutex);
}
