/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One worker saves one span of an image: asks the source what is there, reads the data with
 * several requests under way, and for each block decides between zero, inherited, found and new.
 */
#include "session-priv.h"

#include "errors.h"
#include "io.h"
#include "interrupt.h"

#include <string.h>

#define BLOCKS_PER_READ (VK_SOURCE_READ_MAX / VK_BLOCK_SIZE)

/* Beside VkExtentKind: the parent has the block, or nothing is known of it yet. */
#define KIND_SAME    0xfe
#define KIND_UNKNOWN 0xff

/* A span under work. */
typedef struct Span {
	VkSave *save;
	VkWorker *worker;
	VkSourceReader *reader;
	guint32 first;
	guint32 count;
	guint8 *kinds; /* VkExtentKind of each block by the source, or KIND_SAME */
	GArray *extents;
	VkExtent parent; /* what the parent has from parent.first on; count 0: not looked up */
} Span;

/* COUNT blocks from FIRST on that are being read. */
typedef struct Chunk {
	guint32 first;
	guint32 count;
} Chunk;

static guint64 block_offset(guint32 block)
{
	return (guint64)block << VK_BLOCK_LOG2;
}

static gsize blocks_length(const Span *span, guint32 first, guint32 count)
{
	guint64 end = MIN(block_offset(first) + block_offset(count), span->save->source->size);

	return (gsize)(end - block_offset(first));
}

static void emit(Span *span, guint32 block, guint32 count, VkExtentKind kind, const VkPackId *pack,
		 guint32 slot)
{
	GArray *extents = span->extents;
	VkExtent *last = extents->len ? &g_array_index(extents, VkExtent, extents->len - 1) : NULL;
	VkExtent extent = {.first = block, .count = count, .kind = kind, .slot = slot};

	if (pack)
		extent.pack = *pack;
	if (last && vk_extent_continues(last, &extent))
		last->count += count;
	else
		g_array_append_val(extents, extent);
}

/*
 * Finds what the parent has for BLOCK: *RET begins there. Without a parent, or after its end, it is
 * a hole. A map that is damaged or unreadable ends the save, which is done again without the
 * parent.
 */
static gboolean parent_at(Span *span, guint32 block, VkExtent *ret, GError **error)
{
	VkExtent *parent = &span->parent;
	VkSave *save = span->save;
	gboolean present;

	*ret = (VkExtent){.first = block, .count = G_MAXUINT32 - block, .kind = VK_EXTENT_HOLE};
	if (!save->parent || block >= save->parent_blocks)
		return TRUE;
	if (block - parent->first >= parent->count) {
		parent->count = 0;
		if (!vk_map_lookup(save->parent, block, parent, &present, error)) {
			atomic_store(&save->parent_damaged, TRUE);
			return FALSE;
		}
	}
	*ret = *parent;
	ret->first = block;
	ret->count = parent->count - (block - parent->first);
	if (parent->kind == VK_EXTENT_DATA)
		ret->slot = parent->slot + (block - parent->first);
	return TRUE;
}

static void count_allocated(Span *span, guint32 block, guint32 count, gboolean is_data,
			    const VkExtent *parent)
{
	gint64 length = (gint64)blocks_length(span, block, count);

	if (is_data)
		span->worker->allocated += length;
	if (span->save->inherit && parent->kind == VK_EXTENT_DATA)
		span->worker->allocated -= length;
}

/* Saves COUNT blocks without data, all of one kind, from BLOCK on. */
static gboolean save_empty(Span *span, guint32 block, guint32 count, VkExtentKind kind,
			   GError **error)
{
	while (count > 0) {
		VkExtent parent;
		guint32 part;

		if (!parent_at(span, block, &parent, error))
			return FALSE;
		part = MIN(count, parent.count);
		if (span->save->incremental)
			emit(span, block, part, kind, NULL, 0);
		else if (span->save->inherit
				 ? parent.kind == VK_EXTENT_DATA || parent.kind == VK_EXTENT_DAMAGED
				 : kind == VK_EXTENT_ZERO)
			emit(span, block, part, kind, NULL, 0);
		count_allocated(span, block, part, FALSE, &parent);
		block += part;
		count -= part;
	}
	return TRUE;
}

/* Whether the slot has a block of that id that is not known to be damaged. */
static gboolean slot_has_id(const VkWorker *worker, const VkPackTable *table, guint32 slot,
			    const VkBlockId *id)
{
	const VkTableEntry *entry = vk_pack_table_has(table, slot) ? &table->entries[slot] : NULL;
	VkHealer *healer = worker->session->healer;

	return entry &&
	       (entry->length_flags >> VK_SLOT_FLAG_SHIFT & VK_SLOT_KIND) == VK_SLOT_KIND_DATA &&
	       memcmp(entry->id, id->bytes, VK_BLOCK_ID_SIZE) == 0 &&
	       !(healer && vk_healer_is_damaged(healer, &table->id, slot));
}

/*
 * Whether the address holds a block of that id. A pack whose table cannot be read does not: the
 * block is then stored again. Hints may name a pack before its writer has flushed its name, so what
 * refers to a pack adopts it.
 */
static gboolean address_has_id(VkWorker *worker, const VkPackId *pack, guint32 slot,
			       const VkBlockId *id)
{
	const VkVault *vault = worker->session->vault;
	g_autoptr(VkPackTable) table = vk_pack_cache_get(vault->packs, pack, NULL);

	if (!table || !slot_has_id(worker, table, slot, id))
		return FALSE;
	if (table != worker->followed)
		vault->store->ops->adopt(vault->store, table->object);
	vk_pack_table_unref(worker->followed);
	worker->followed = g_steal_pointer(&table);
	worker->followed_slot = slot;
	return TRUE;
}

/*
 * The place that the hints know. Where the table in the cache is of a generation that a collection
 * has replaced since, that of another one is read.
 */
static gboolean find_hinted(VkWorker *worker, const VkBlockId *id, VkPackId *ret_pack,
			    guint32 *ret_slot)
{
	VkSession *session = worker->session;

	if (!vk_hints_lookup(session->hints, id, ret_pack, ret_slot) ||
	    vk_announcement_has(session->condemned, ret_pack, *ret_slot) ||
	    !address_has_id(worker, ret_pack, *ret_slot, id))
		return FALSE;
	if (vk_session_may_refer(session, worker->followed, *ret_slot))
		return TRUE;
	vk_pack_cache_drop(session->vault->packs, worker->followed);
	return address_has_id(worker, ret_pack, *ret_slot, id) &&
	       vk_session_may_refer(session, worker->followed, *ret_slot);
}

/* Looks for the block in the vault and in the worker's own packs. */
static gboolean find_block(VkWorker *worker, const VkBlockId *id, VkPackId *ret_pack,
			   guint32 *ret_slot)
{
	if (worker->followed &&
	    slot_has_id(worker, worker->followed, worker->followed_slot + 1, id) &&
	    vk_session_may_refer(worker->session, worker->followed, worker->followed_slot + 1)) {
		*ret_pack = worker->followed->id;
		*ret_slot = ++worker->followed_slot;
		return TRUE;
	}
	if (vk_pack_writer_find(worker->pack, id, ret_pack, ret_slot))
		return TRUE;
	return find_hinted(worker, id, ret_pack, ret_slot);
}

static gboolean store_block(Span *span, guint32 block, const VkHashed *hashed, VkPackId *ret_pack,
			    guint32 *ret_slot, GError **error)
{
	VkWorker *worker = span->worker;
	VkNewSlot slot = {
		.id = hashed->id,
		.length = hashed->length,
		.kind = VK_SLOT_KIND_DATA,
		.block = block,
		.image = span->save->image,
	};

	slot.bytes = vk_codec_encode(worker->codec, hashed->data, hashed->length,
				     &slot.stored_length, &slot.compression);
	if (!vk_pack_writer_has_room(worker->pack, 1, slot.stored_length) &&
	    !vk_pack_writer_send(worker->pack, error))
		return FALSE;
	*ret_pack = vk_pack_writer_id(worker->pack);
	*ret_slot = vk_pack_writer_append(worker->pack, &slot);
	worker->stats.fresh += hashed->length;
	worker->stats.stored += slot.stored_length;
	return TRUE;
}

/* Saves a block that is not all zeros. */
static gboolean save_data(Span *span, guint32 block, const VkHashed *hashed, GError **error)
{
	const VkBlockId *id = &hashed->id;
	VkExtent parent;
	VkPackId pack;
	guint32 slot;

	if (!parent_at(span, block, &parent, error))
		return FALSE;
	count_allocated(span, block, 1, TRUE, &parent);
	if (span->worker->session->healer)
		vk_healer_offer(span->worker->session->healer, hashed);
	if (parent.kind == VK_EXTENT_DATA &&
	    address_has_id(span->worker, &parent.pack, parent.slot, id)) {
		if (!span->save->inherit)
			emit(span, block, 1, VK_EXTENT_DATA, &parent.pack, parent.slot);
		return TRUE;
	}
	if (!find_block(span->worker, id, &pack, &slot) &&
	    !store_block(span, block, hashed, &pack, &slot, error))
		return FALSE;
	emit(span, block, 1, VK_EXTENT_DATA, &pack, slot);
	return TRUE;
}

static guint8 kind_of_source(VkSourceKind kind)
{
	switch (kind) {
	case VK_SOURCE_ZERO:
		return VK_EXTENT_ZERO;
	case VK_SOURCE_HOLE:
		return VK_EXTENT_HOLE;
	case VK_SOURCE_SAME:
		return KIND_SAME;
	case VK_SOURCE_DATA:
		break;
	}
	return VK_EXTENT_DATA;
}

/*
 * A block that is partly data is data, one that is partly zeros is zeros. One that changed in part
 * must be read, whatever the parent has of it.
 */
static guint8 mix_kinds(guint8 one, guint8 other)
{
	if (one == KIND_UNKNOWN || one == other)
		return other;
	if (one == KIND_SAME || other == KIND_SAME || one == VK_EXTENT_DATA ||
	    other == VK_EXTENT_DATA)
		return VK_EXTENT_DATA;
	return VK_EXTENT_ZERO;
}

/* Finds for each block of the span whether it must be read. */
static gboolean find_kinds(Span *span, GError **error)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	guint64 start = block_offset(span->first);

	memset(span->kinds, KIND_UNKNOWN, span->count);
	if (!span->reader->ops->map(span->reader, start,
				    blocks_length(span, span->first, span->count), found, error))
		return FALSE;
	for (guint i = 0; i < found->len; i++) {
		const VkSourceExtent *extent = &g_array_index(found, VkSourceExtent, i);
		guint32 from = (guint32)((extent->offset - start) >> VK_BLOCK_LOG2);
		guint32 to =
			(guint32)((extent->offset - start + extent->length + VK_BLOCK_SIZE - 1) >>
				  VK_BLOCK_LOG2);

		for (guint32 block = from; block < MIN(to, span->count); block++)
			span->kinds[block] =
				mix_kinds(span->kinds[block], kind_of_source(extent->kind));
	}
	for (guint32 block = 0; block < span->count; block++)
		if (span->kinds[block] == KIND_UNKNOWN)
			span->kinds[block] = VK_EXTENT_DATA;
	return TRUE;
}

/* The next stretch of data from *POSITION on, short enough for one read. Count 0: none. */
static Chunk next_chunk(const Span *span, guint32 *position)
{
	guint32 i = *position;
	Chunk chunk;

	while (i < span->count && span->kinds[i] != VK_EXTENT_DATA)
		i++;
	chunk.first = span->first + i;
	while (i < span->count && span->kinds[i] == VK_EXTENT_DATA &&
	       i < chunk.first - span->first + BLOCKS_PER_READ)
		i++;
	chunk.count = i - (chunk.first - span->first);
	*position = i;
	return chunk;
}

/* Zeros need no id; the others are hashed side by side. */
static gboolean save_chunk(Span *span, const Chunk *chunk, const guint8 *data, GError **error)
{
	VkHashed blocks[BLOCKS_PER_READ];
	guint count = 0, next = 0;

	for (guint32 i = 0; i < chunk->count; i++) {
		gsize length = blocks_length(span, chunk->first + i, 1);

		if (!vk_io_is_zero(data + block_offset(i), length))
			blocks[count++] =
				(VkHashed){.data = data + block_offset(i), .length = length};
	}
	vk_hasher_run(span->worker->hasher, blocks, count);
	for (guint32 i = 0; i < chunk->count; i++) {
		guint32 block = chunk->first + i;
		gboolean is_data = next < count && blocks[next].data == data + block_offset(i);

		if (!(is_data ? save_data(span, block, &blocks[next++], error)
			      : save_empty(span, block, 1, VK_EXTENT_ZERO, error)))
			return FALSE;
	}
	span->worker->stats.read += blocks_length(span, chunk->first, chunk->count);
	vk_progress_add(span->save->progress, blocks_length(span, chunk->first, chunk->count));
	return TRUE;
}

static gboolean save_gap(Span *span, guint32 from, guint32 to, GError **error)
{
	for (guint32 block = from, end; block < to; block = end) {
		guint8 kind = span->kinds[block - span->first];

		for (end = block + 1; end < to && span->kinds[end - span->first] == kind;)
			end++;
		if (kind != KIND_SAME &&
		    !save_empty(span, block, end - block, (VkExtentKind)kind, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean submit_chunk(Span *span, const Chunk *chunk, guint8 *buffer, GError **error)
{
	gsize length = blocks_length(span, chunk->first, chunk->count);

	vk_rate_limit_wait(span->save->session->limit, length);
	return span->reader->ops->submit(span->reader, block_offset(chunk->first), length, buffer,
					 error);
}

/* Reads ahead by up to VK_SOURCE_DEPTH chunks and saves them and the gaps between in order. */
static gboolean save_blocks(Span *span, GError **error)
{
	Chunk chunks[VK_SOURCE_DEPTH];
	guint32 position = 0;
	guint32 done = span->first;
	guint submitted = 0;
	guint completed = 0;

	for (;;) {
		while (submitted - completed < VK_SOURCE_DEPTH) {
			guint i = submitted % VK_SOURCE_DEPTH;

			chunks[i] = next_chunk(span, &position);
			if (chunks[i].count == 0)
				break;
			if (!submit_chunk(span, &chunks[i], span->worker->buffers[i], error))
				return FALSE;
			submitted++;
		}
		if (submitted == completed)
			break;
		if (vk_interrupted())
			return vk_fail_interrupted(error);

		guint i = completed % VK_SOURCE_DEPTH;
		Chunk chunk = chunks[i];

		if (!span->reader->ops->complete(span->reader, error) ||
		    !save_gap(span, done, chunk.first, error) ||
		    !save_chunk(span, &chunk, span->worker->buffers[i], error))
			return FALSE;
		completed++;
		done = chunk.first + chunk.count;
	}
	return save_gap(span, done, span->first + span->count, error);
}

gboolean vk_span_save(VkSave *save, VkWorker *worker, VkSourceReader *reader, guint32 first,
		      guint32 count, GArray *extents, GError **error)
{
	g_autofree guint8 *kinds = g_malloc(count);
	Span span = {
		.save = save,
		.worker = worker,
		.reader = reader,
		.first = first,
		.count = count,
		.kinds = kinds,
		.extents = extents,
	};

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	return find_kinds(&span, error) && save_blocks(&span, error);
}
