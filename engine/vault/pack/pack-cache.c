/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-cache.h"

#include "errors.h"
#include "frame.h"
#include "pack-name.h"

#include <string.h>

/* At most 192 KiB each. */
#define TABLES_KEPT 64u

/* How often generations of a pack are looked for that vanish while it is read. */
#define LISTINGS_MAX 8

/* The tables of a pack that are kept. Of those with a slot, the first one is asked for it. */
typedef struct Pack {
	VkPackId id;
	GPtrArray *tables; /* VkPackTable, at least one; never two of an object */
} Pack;

struct VkPackCache {
	VkStore *store;
	const VkPackContext *context;
	GMutex mutex;
	GHashTable *packs; /* VkPackId (in the pack) -> link in RECENT; under the mutex */
	GQueue recent;     /* Pack, most recently used first; under the mutex */
	guint kept;        /* tables of all packs; under the mutex */
};

/* Any generation will do. */
#define ANY_SLOT G_MAXUINT32

static void pack_free(Pack *pack)
{
	g_ptr_array_unref(pack->tables);
	g_free(pack);
}

VkPackCache *vk_pack_cache_new(VkStore *store, const VkPackContext *context)
{
	VkPackCache *cache = g_new0(VkPackCache, 1);

	cache->store = store;
	cache->context = context;
	g_mutex_init(&cache->mutex);
	cache->packs = g_hash_table_new(vk_pack_id_hash, vk_pack_id_equal);
	return cache;
}

void vk_pack_cache_free(VkPackCache *cache)
{
	Pack *pack;

	if (!cache)
		return;
	g_hash_table_unref(cache->packs);
	while ((pack = g_queue_pop_head(&cache->recent)))
		pack_free(pack);
	g_mutex_clear(&cache->mutex);
	g_free(cache);
}

/* The pack, which is the most recently used one now; NULL: nothing is kept of it. */
static Pack *use_pack_locked(VkPackCache *cache, const VkPackId *id)
{
	GList *link = g_hash_table_lookup(cache->packs, id);

	if (!link)
		return NULL;
	g_queue_unlink(&cache->recent, link);
	g_queue_push_head_link(&cache->recent, link);
	return link->data;
}

static void drop_pack_locked(VkPackCache *cache, GList *link)
{
	Pack *pack = link->data;

	cache->kept -= pack->tables->len;
	g_hash_table_remove(cache->packs, &pack->id);
	g_queue_delete_link(&cache->recent, link);
	pack_free(pack);
}

/* The one that is asked last in the pack that was not used for the longest. */
static void drop_oldest_locked(VkPackCache *cache)
{
	Pack *pack = cache->recent.tail->data;

	if (pack->tables->len == 1) {
		drop_pack_locked(cache, cache->recent.tail);
		return;
	}
	g_ptr_array_remove_index(pack->tables, pack->tables->len - 1);
	cache->kept--;
}

/* The first table of PACK with the slot, borrowed; or NULL. */
static VkPackTable *table_with_slot(const Pack *pack, guint32 slot)
{
	for (guint i = 0; i < pack->tables->len; i++) {
		VkPackTable *table = g_ptr_array_index(pack->tables, i);

		if (slot == ANY_SLOT || vk_pack_table_has(table, slot))
			return table;
	}
	return NULL;
}

/* A new reference to the table of the pack that is asked for the slot; NULL: none is kept. */
static VkPackTable *find_slot(VkPackCache *cache, const VkPackId *id, guint32 slot)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->mutex);
	Pack *pack = use_pack_locked(cache, id);
	VkPackTable *table = pack ? table_with_slot(pack, slot) : NULL;

	return table ? vk_pack_table_ref(table) : NULL;
}

/* The same of the table of OBJECT. */
static VkPackTable *find_object(VkPackCache *cache, const VkPackId *id, const char *object)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->mutex);
	Pack *pack = use_pack_locked(cache, id);

	for (guint i = 0; pack && i < pack->tables->len; i++) {
		VkPackTable *table = g_ptr_array_index(pack->tables, i);

		if (strcmp(table->object, object) == 0)
			return vk_pack_table_ref(table);
	}
	return NULL;
}

static Pack *add_pack_locked(VkPackCache *cache, const VkPackId *id)
{
	Pack *pack = g_new0(Pack, 1);

	pack->id = *id;
	pack->tables = g_ptr_array_new_with_free_func((GDestroyNotify)vk_pack_table_unref);
	g_queue_push_head(&cache->recent, pack);
	g_hash_table_insert(cache->packs, &pack->id, cache->recent.head);
	return pack;
}

/* Keeps TABLE. IS_FIRST: it is the first one of its pack that is asked. */
static void keep_table(VkPackCache *cache, VkPackTable *table, gboolean is_first)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->mutex);
	Pack *pack = use_pack_locked(cache, &table->id);

	if (!pack)
		pack = add_pack_locked(cache, &table->id);
	for (guint i = pack->tables->len; i > 0; i--) {
		const VkPackTable *other = g_ptr_array_index(pack->tables, i - 1);

		if (strcmp(other->object, table->object) != 0)
			continue;
		g_ptr_array_remove_index(pack->tables, i - 1);
		cache->kept--;
	}
	g_ptr_array_insert(pack->tables, is_first ? 0 : -1, vk_pack_table_ref(table));
	if (++cache->kept > TABLES_KEPT)
		drop_oldest_locked(cache);
}

void vk_pack_cache_drop(VkPackCache *cache, const VkPackTable *table)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->mutex);
	GList *link = g_hash_table_lookup(cache->packs, &table->id);
	const Pack *pack = link ? link->data : NULL;

	if (pack && g_ptr_array_find(pack->tables, table, NULL))
		drop_pack_locked(cache, link);
}

/* The table of OBJECT, a generation of the pack ID, which is kept from now on. New reference. */
static VkPackTable *load_one(VkPackCache *cache, const VkPackId *id, const char *object,
			     GError **error)
{
	VkPackTable *table = find_object(cache, id, object);

	if (table)
		return table;
	table = vk_pack_table_load(cache->store, cache->context, id, object, error);
	if (table)
		keep_table(cache, table, FALSE);
	return table;
}

/*
 * Whether TROUBLE with a generation says more than that with those before it. A damaged one may be
 * made up for by one that the storage did not give: then it is not known that anything is lost.
 */
static gboolean says_more(const GError *trouble, const GError *before)
{
	return !before || (g_error_matches(before, VK_ERROR, VK_ERROR_DAMAGE) &&
			   !g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE));
}

/*
 * The table of the first of OBJECTS that can be read and has SLOT. *RET_VANISHED: one of the
 * objects is not there any more. ERROR is the failure of another one that says the most.
 */
static VkPackTable *load_one_of(VkPackCache *cache, const VkPackId *id, const GPtrArray *objects,
				guint32 slot, gboolean *ret_vanished, GError **error)
{
	for (guint i = 0; i < objects->len; i++) {
		const char *object = g_ptr_array_index(objects, i);
		g_autoptr(GError) trouble = NULL;
		g_autoptr(VkPackTable) table = load_one(cache, id, object, &trouble);

		if (table && (slot == ANY_SLOT || vk_pack_table_has(table, slot)))
			return g_steal_pointer(&table);
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			*ret_vanished = TRUE;
		} else if (trouble && says_more(trouble, *error)) {
			g_clear_error(error);
			g_propagate_error(error, g_steal_pointer(&trouble));
		}
	}
	return NULL;
}

static void fail_missing(const VkPackId *id, guint32 slot, const VkPackTable *known, GError **error)
{
	g_autofree char *first = vk_pack_object(id, 0);

	if (slot == ANY_SLOT)
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is missing from the vault", first);
	else
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' has no slot %u",
			known ? known->object : first, slot);
}

/*
 * R3: looks through the generations that are there. One that vanishes between the listing and the
 * reading was replaced by another. That may happen during the listing, which shows neither then.
 * KNOWN (nullable) is for the error: a table without the slot.
 */
static VkPackTable *load_generation(VkPackCache *cache, const VkPackId *id, guint32 slot,
				    const VkPackTable *known, GError **error)
{
	GError *trouble = NULL;
	gboolean vanished = TRUE;

	for (guint i = 0; vanished && i < LISTINGS_MAX; i++) {
		g_autoptr(GPtrArray) objects = vk_pack_generations(cache->store, id, error);
		VkPackTable *table;

		if (!objects)
			return NULL;
		vanished = objects->len == 0;
		g_clear_error(&trouble);
		table = load_one_of(cache, id, objects, slot, &vanished, &trouble);
		if (table) {
			g_clear_error(&trouble);
			return table;
		}
	}
	if (trouble)
		g_propagate_error(error, trouble);
	else
		fail_missing(id, slot, known, error);
	return NULL;
}

/* Whether another generation may be there, and sound. */
static gboolean may_be_elsewhere(const GError *trouble)
{
	return g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND) ||
	       g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE);
}

/* Loads the pack as it was written, or when that is gone or damaged, a later generation. */
static VkPackTable *load_pack(VkPackCache *cache, const VkPackId *id, GError **error)
{
	g_autofree char *first = vk_pack_object(id, 0);
	g_autoptr(GError) trouble = NULL;
	VkPackTable *table = load_one(cache, id, first, &trouble);

	if (may_be_elsewhere(trouble))
		return load_generation(cache, id, ANY_SLOT, NULL, error);
	if (!table)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return table;
}

VkPackTable *vk_pack_cache_get(VkPackCache *cache, const VkPackId *id, GError **error)
{
	VkPackTable *table = find_slot(cache, id, ANY_SLOT);

	return table ? table : load_pack(cache, id, error);
}

VkPackTable *vk_pack_cache_find(VkPackCache *cache, const VkPackId *id, guint32 slot,
				GError **error)
{
	g_autoptr(VkPackTable) table = find_slot(cache, id, slot);

	if (!table)
		table = vk_pack_cache_get(cache, id, error);
	if (!table || vk_pack_table_has(table, slot))
		return g_steal_pointer(&table);
	return load_generation(cache, id, slot, table, error);
}

/* R3: a generation that is not there any more was replaced. TRUE: look for another one. */
static gboolean was_replaced(VkPackCache *cache, const VkPackTable *table, guint *tries,
			     GError **trouble)
{
	if (!g_error_matches(*trouble, VK_ERROR, VK_ERROR_NOT_FOUND) || ++*tries >= LISTINGS_MAX)
		return FALSE;
	g_clear_error(trouble);
	vk_pack_cache_drop(cache, table);
	return TRUE;
}

/*
 * The slot is damaged in the generation *TABLE: reads it from another one, which is asked first
 * from now on and takes its place. FALSE when none is sound.
 */
static gboolean read_elsewhere(VkPackCache *cache, VkPackTable **table, guint32 slot, guint8 kind,
			       void *buf, gsize *ret_length)
{
	const VkPackId id = (*table)->id;
	g_autoptr(GPtrArray) objects = vk_pack_generations(cache->store, &id, NULL);

	for (guint i = 0; objects && i < objects->len; i++) {
		const char *object = g_ptr_array_index(objects, i);
		g_autoptr(VkPackTable) other = NULL;

		if (strcmp(object, (*table)->object) == 0)
			continue;
		other = load_one(cache, &id, object, NULL);
		if (!other || !vk_pack_table_has(other, slot) ||
		    !vk_frame_read(cache->store, cache->context, other, slot, kind, buf, ret_length,
				   NULL))
			continue;
		keep_table(cache, other, TRUE);
		vk_pack_table_unref(*table);
		*table = g_steal_pointer(&other);
		return TRUE;
	}
	return FALSE;
}

gboolean vk_pack_cache_read(VkPackCache *cache, const VkPackId *id, guint32 slot, guint8 kind,
			    void *buf, gsize *ret_length, VkPackTable **ret_table, GError **error)
{
	g_autoptr(VkPackTable) table = NULL;
	GError *trouble = NULL;
	guint tries = 0;
	gboolean done;

	do {
		vk_pack_table_unref(table);
		table = vk_pack_cache_find(cache, id, slot, &trouble);
		done = table && vk_frame_read(cache->store, cache->context, table, slot, kind, buf,
					      ret_length, &trouble);
	} while (table && !done && was_replaced(cache, table, &tries, &trouble));
	if (table && g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		done = read_elsewhere(cache, &table, slot, kind, buf, ret_length);
	if (done)
		g_clear_error(&trouble);
	else
		g_propagate_error(error, trouble);
	if (ret_table)
		*ret_table = g_steal_pointer(&table);
	return done;
}

/* For how many of COUNT slots in a row TABLE is asked: for the first it is. */
static guint32 count_slots(VkPackCache *cache, const VkPackTable *table, guint32 slot,
			   guint32 count)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->mutex);
	const Pack *pack = use_pack_locked(cache, &table->id);
	guint32 n = 1;

	while (n < count && pack && table_with_slot(pack, slot + n) == table)
		n++;
	return n;
}

/* One of them is damaged: each is read from the generation in which it is sound. */
static gboolean read_one_by_one(VkPackCache *cache, const VkPackId *id, guint32 slot, guint32 count,
				guint8 *out, GError **error)
{
	for (guint32 i = 0; i < count; i++, out += VK_BLOCK_SIZE) {
		gsize length;

		if (!vk_pack_cache_read(cache, id, slot + i, VK_SLOT_KIND_DATA, out, &length, NULL,
					error))
			return FALSE;
		if (length != VK_BLOCK_SIZE)
			return vk_fail(error, VK_ERROR_DAMAGE, "a slot is not a whole block");
	}
	return TRUE;
}

gboolean vk_pack_cache_read_blocks(VkPackCache *cache, const VkPackId *id, guint32 slot,
				   guint32 count, void *buf, GError **error)
{
	guint8 *out = buf;
	guint tries = 0;

	while (count > 0) {
		g_autoptr(VkPackTable) table = vk_pack_cache_find(cache, id, slot, error);
		guint32 n = table ? count_slots(cache, table, slot, count) : 0;
		GError *trouble = NULL;

		if (!table)
			return FALSE;
		if (vk_frames_read_blocks(cache->store, cache->context, table, slot, n, out,
					  &trouble) ||
		    (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) &&
		     read_one_by_one(cache, id, slot, n, out, NULL))) {
			g_clear_error(&trouble);
			out += (gsize)n * VK_BLOCK_SIZE;
			slot += n;
			count -= n;
		} else if (!was_replaced(cache, table, &tries, &trouble)) {
			g_propagate_error(error, trouble);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean read_slots_singly(VkPackCache *cache, const VkPackId *id, guint32 slot,
				  guint32 count, VkReadSlotFunc func, gpointer user)
{
	g_autofree guint8 *buf = g_malloc(VK_BLOCK_SIZE);

	for (guint32 i = 0; i < count; i++) {
		g_autoptr(VkPackTable) table = NULL;
		VkReadSlot read = {.slot = slot + i, .block = buf};

		if (!vk_pack_cache_read(cache, id, slot + i, VK_SLOT_KIND_DATA, buf, &read.length,
					&table, NULL))
			return FALSE;
		read.id = table->entries[slot + i].id;
		func(user, &read);
	}
	return TRUE;
}

gboolean vk_pack_cache_read_slots(VkPackCache *cache, const VkPackId *id, guint32 slot,
				  guint32 count, VkReadSlotFunc func, gpointer user, GError **error)
{
	guint tries = 0;

	while (count > 0) {
		g_autoptr(VkPackTable) table = vk_pack_cache_find(cache, id, slot, error);
		guint32 n = table ? count_slots(cache, table, slot, count) : 0;
		GError *trouble = NULL;

		if (!table)
			return FALSE;
		if (vk_frames_read_slots(cache->store, cache->context, table, slot, n, func, user,
					 &trouble) ||
		    (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) &&
		     read_slots_singly(cache, id, slot, n, func, user))) {
			g_clear_error(&trouble);
			slot += n;
			count -= n;
		} else if (!was_replaced(cache, table, &tries, &trouble)) {
			g_propagate_error(error, trouble);
			return FALSE;
		}
	}
	return TRUE;
}
