/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-table.h"

#include "crc.h"
#include "errors.h"
#include "layout.h"

#include <string.h>

/* At most 192 KiB each. */
#define TABLES_KEPT 64

struct VkPackCache {
	VkStore *store;
	const VkPackContext *context;
	GMutex mutex;
	GHashTable *tables; /* VkPackId (in the table) -> link in RECENT; under the mutex */
	GQueue recent;      /* VkPackTable, most recently used first; under the mutex */
};

char *vk_pack_object(const VkPackId *id, guint32 generation)
{
	char hex[33];

	vk_pack_id_format(id, hex);
	return g_strdup_printf(VK_FOLDER_PACKS "/%.2s/%s.%u", hex, hex, generation);
}

/* Splits "<32 hex>.<generation>". FALSE for other names. */
static gboolean parse_object_name(const char *name, VkPackId *ret_id, guint64 *ret_generation)
{
	const gsize length = 2 * (gsize)VK_ID_SIZE;
	g_autofree char *hex = g_strndup(name, length);

	return strlen(name) > length && name[length] == '.' && vk_pack_id_parse(hex, ret_id) &&
	       g_ascii_string_to_unsigned(name + length + 1, 10, 0, G_MAXUINT32, ret_generation,
					  NULL);
}

GArray *vk_pack_list(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) folders = store->ops->list(store, VK_FOLDER_PACKS, error);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(VkPackId));

	if (!folders)
		return NULL;
	for (guint i = 0; i < folders->len; i++) {
		g_autofree char *folder =
			g_build_filename(VK_FOLDER_PACKS, folders->pdata[i], NULL);
		g_autoptr(GPtrArray) names = NULL;
		g_autoptr(GHashTable) seen =
			g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);

		if (!g_str_has_suffix(folder, "/"))
			continue;
		names = store->ops->list(store, folder, error);
		if (!names)
			return NULL;
		for (guint j = 0; j < names->len; j++) {
			VkPackId id;
			guint64 generation;

			if (parse_object_name(names->pdata[j], &id, &generation) &&
			    g_hash_table_add(seen, g_memdup2(&id, sizeof(id))))
				g_array_append_val(ids, id);
		}
	}
	return g_steal_pointer(&ids);
}

VkPackTable *vk_pack_table_ref(VkPackTable *table)
{
	g_atomic_ref_count_inc(&table->refs);
	return table;
}

void vk_pack_table_unref(VkPackTable *table)
{
	if (!table || !g_atomic_ref_count_dec(&table->refs))
		return;
	g_free(table->object);
	g_free(table->entries);
	g_free(table);
}

gsize vk_pack_table_length(const VkPackTable *table, guint32 slot)
{
	return table->entries[slot].length_flags & VK_SLOT_LENGTH_MASK;
}

static gboolean damaged(const char *object, const char *what, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", object, what);
}

static gboolean check_header(const VkPackCache *cache, VkPackTable *table, GError **error)
{
	VkPackHeader header;

	if (!cache->store->ops->get(cache->store, table->object, 0, &header, sizeof(header), error))
		return FALSE;
	if (memcmp(header.magic, VK_PACK_MAGIC, sizeof(header.magic)) != 0)
		return damaged(table->object, "it does not begin as a pack", error);
	if (GUINT32_FROM_LE(header.crc32c) !=
	    vk_crc32c(0, &header, G_STRUCT_OFFSET(VkPackHeader, crc32c)))
		return damaged(table->object, "checksum of its header", error);
	if (GUINT16_FROM_LE(header.version) != VK_FORMAT_VERSION || header.cipher != 0)
		return vk_fail(error, VK_ERROR_FAILED, "'%s' needs a newer virtkeep",
			       table->object);
	if (memcmp(header.vault_id, cache->context->vault_id, VK_ID_SIZE) != 0)
		return damaged(table->object, "it belongs to another vault", error);
	if (memcmp(header.pack_id, table->id.bytes, VK_ID_SIZE) != 0)
		return damaged(table->object, "it is another pack under this name", error);
	return TRUE;
}

static gboolean read_trailer(const VkPackCache *cache, VkPackTable *table, VkPackTrailer *trailer,
			     GError **error)
{
	guint64 size, end;

	if (!cache->store->ops->head(cache->store, table->object, &size, NULL, error))
		return FALSE;
	if (size < sizeof(VkPackHeader) + sizeof(*trailer) || size > 2 * (guint64)VK_PACK_SIZE)
		return damaged(table->object, "its size cannot be", error);
	end = size - sizeof(*trailer);
	if (!cache->store->ops->get(cache->store, table->object, end, trailer, sizeof(*trailer),
				    error))
		return FALSE;
	if (GUINT32_FROM_LE(trailer->magic) != VK_TRAILER_MAGIC)
		return damaged(table->object, "it is truncated or its end is lost", error);
	if (GUINT32_FROM_LE(trailer->crc32c) !=
	    vk_crc32c(0, trailer, G_STRUCT_OFFSET(VkPackTrailer, crc32c)))
		return damaged(table->object, "checksum of its trailer", error);
	table->slots = GUINT32_FROM_LE(trailer->slots);
	if (table->slots > VK_SLOTS_MAX ||
	    GUINT32_FROM_LE(trailer->table_length) != table->slots * sizeof(VkTableEntry) ||
	    GUINT64_FROM_LE(trailer->table_offset) < sizeof(VkPackHeader) ||
	    GUINT64_FROM_LE(trailer->table_offset) > end ||
	    end - GUINT64_FROM_LE(trailer->table_offset) < GUINT32_FROM_LE(trailer->table_length))
		return damaged(table->object, "its trailer contradicts its size", error);
	return TRUE;
}

static guint32 table_checksum(const VkPackCache *cache, const VkPackTable *table)
{
	return vk_crc32c(vk_pack_context_crc(cache->context, &table->id), table->entries,
			 table->slots * sizeof(VkTableEntry));
}

/* Brings the entries into host order and checks that each frame lies before the table. */
static gboolean take_entries(VkPackTable *table, guint64 table_offset, GError **error)
{
	for (guint32 i = 0; i < table->slots; i++) {
		VkTableEntry *entry = &table->entries[i];
		guint64 offset, length;

		entry->offset16 = GUINT32_FROM_LE(entry->offset16);
		entry->length_flags = GUINT32_FROM_LE(entry->length_flags);
		entry->block = GUINT32_FROM_LE(entry->block);
		entry->image = GUINT32_FROM_LE(entry->image);
		offset = (guint64)entry->offset16 * VK_FRAME_ALIGN;
		length = entry->length_flags & VK_SLOT_LENGTH_MASK;
		if (length > VK_BLOCK_SIZE ||
		    offset + sizeof(VkFrameHeader) + length > table_offset)
			return damaged(table->object, "a slot lies outside of it", error);
	}
	return TRUE;
}

static gboolean load_table(const VkPackCache *cache, VkPackTable *table, GError **error)
{
	VkPackTrailer trailer;
	gsize length;

	if (!check_header(cache, table, error) || !read_trailer(cache, table, &trailer, error))
		return FALSE;
	length = table->slots * sizeof(VkTableEntry);
	table->entries = g_malloc(MAX(length, 1));
	if (!cache->store->ops->get(cache->store, table->object,
				    GUINT64_FROM_LE(trailer.table_offset), table->entries, length,
				    error))
		return FALSE;
	if (GUINT32_FROM_LE(trailer.table_crc32c) != table_checksum(cache, table))
		return damaged(table->object, "checksum of its table", error);
	return take_entries(table, GUINT64_FROM_LE(trailer.table_offset), error);
}

/* The object of the pack's highest generation, or NULL. New string. */
static char *find_generation(const VkPackCache *cache, const VkPackId *id)
{
	g_autofree char *first = vk_pack_object(id, 0);
	g_autofree char *folder = g_path_get_dirname(first);
	g_autoptr(GPtrArray) names = cache->store->ops->list(cache->store, folder, NULL);
	gint64 highest = -1;

	for (guint i = 0; names && i < names->len; i++) {
		VkPackId found;
		guint64 generation;

		if (parse_object_name(names->pdata[i], &found, &generation) &&
		    vk_pack_id_equal(&found, id))
			highest = MAX(highest, (gint64)generation);
	}
	return highest < 0 ? NULL : vk_pack_object(id, (guint32)highest);
}

/* Loads the first generation, or when compaction has replaced that, the highest. */
static VkPackTable *load_pack(VkPackCache *cache, const VkPackId *id, GError **error)
{
	g_autoptr(VkPackTable) table = g_new0(VkPackTable, 1);
	g_autoptr(GError) trouble = NULL;

	g_atomic_ref_count_init(&table->refs);
	table->id = *id;
	table->object = vk_pack_object(id, 0);
	if (load_table(cache, table, &trouble))
		return g_steal_pointer(&table);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		g_autofree char *object = find_generation(cache, id);

		if (!object) {
			vk_fail(error, VK_ERROR_DAMAGE, "'%s' is missing from the vault",
				table->object);
			return NULL;
		}
		g_free(table->object);
		table->object = g_steal_pointer(&object);
		g_clear_error(&trouble);
		if (load_table(cache, table, &trouble))
			return g_steal_pointer(&table);
	}
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
