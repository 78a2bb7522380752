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

/* How many ids are asked for at once. */
#define STRIPE_PART 128u

/* Beside VkExtentKind: the vault has the block, the parent has it, or nothing is known of it yet.
 */
#define KIND_FOUND   0xfd
#define KIND_SAME    0xfe
#define KIND_UNKNOWN 0xff

/* A span under work. */
typedef struct Span {
	VkSave *save;
	VkWorker *worker;
	VkSourceReader *reader;
	guint32 first;
	guint32 count;
	guint8 *kinds;    /* VkExtentKind of each block by the source, or KIND_SAME, KIND_FOUND */
	GArray *found;    /* where the blocks of KIND_FOUND are, VkExtent, ascending */
	guint next_found; /* the first one that is not placed yet */
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

/* A block that another vault has stored is stored in the same form. */
static void encode_block(const Span *span, guint32 block, const VkHashed *hashed, VkNewSlot *slot)
{
	const VkStoredCalls *stored = span->save->stored;
	VkStoredBlock form;

	if (stored && stored->find(span->reader, block, &form)) {
		slot->bytes = form.bytes;
		slot->stored_length = form.length;
		slot->compression = form.compression;
		return;
	}
	slot->bytes = vk_codec_encode(span->worker->codec, hashed->data, hashed->length,
				      &slot->stored_length, &slot->compression);
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

	encode_block(span, block, hashed, &slot);
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

	if (!vk_session_open_finders(span->worker->session, error) ||
	    !parent_at(span, block, &parent, error))
		return FALSE;
	count_allocated(span, block, 1, TRUE, &parent);
	if (span->worker->session->healer)
		vk_healer_offer(span->worker->session->healer, hashed);
	if (parent.kind == VK_EXTENT_DATA &&
	    vk_worker_address_has_id(span->worker, &parent.pack, parent.slot, id)) {
		if (!span->save->inherit)
			emit(span, block, 1, VK_EXTENT_DATA, &parent.pack, parent.slot);
		return TRUE;
	}
	if (!vk_worker_find_block(span->worker, id, &pack, &slot) &&
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

/* Looks for COUNT blocks of data, by their ids alone: those that the vault has are not read. */
static gboolean find_by_id(Span *span, guint32 first, guint32 count, VkBlockId *ids, GError **error)
{
	if (!vk_session_open_finders(span->worker->session, error) ||
	    !span->save->stored->identify(span->reader, first, count, ids, error))
		return FALSE;
	for (guint32 i = 0; i < count; i++) {
		VkExtent extent = {.first = first + i, .count = 1, .kind = VK_EXTENT_DATA};

		if (!vk_worker_find_block(span->worker, &ids[i], &extent.pack, &extent.slot))
			continue;
		span->kinds[first + i - span->first] = KIND_FOUND;
		g_array_append_val(span->found, extent);
	}
	return TRUE;
}

static gboolean find_stored(Span *span, GError **error)
{
	VkBlockId ids[STRIPE_PART];
	guint32 count;

	if (!span->save->stored || !span->save->stored->identify)
		return TRUE;
	for (guint32 i = 0; i < span->count; i += MAX(count, 1)) {
		for (count = 0; count < STRIPE_PART && i + count < span->count &&
				span->kinds[i + count] == VK_EXTENT_DATA;)
			count++;
		if (count > 0 && !find_by_id(span, span->first + i, count, ids, error))
			return FALSE;
	}
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

/* Blocks that find_stored() has found. */
static void save_found(Span *span, guint32 count)
{
	for (; count > 0; count--) {
		const VkExtent *at = &g_array_index(span->found, VkExtent, span->next_found++);
		const VkExtent hole = {.kind = VK_EXTENT_HOLE};

		count_allocated(span, at->first, 1, TRUE, &hole);
		vk_progress_add(span->save->progress, blocks_length(span, at->first, 1));
		emit(span, at->first, 1, VK_EXTENT_DATA, &at->pack, at->slot);
	}
}

static gboolean save_gap(Span *span, guint32 from, guint32 to, GError **error)
{
	for (guint32 block = from, end; block < to; block = end) {
		guint8 kind = span->kinds[block - span->first];

		for (end = block + 1; end < to && span->kinds[end - span->first] == kind;)
			end++;
		if (kind == KIND_FOUND)
			save_found(span, end - block);
		else if (kind != KIND_SAME &&
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
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(VkExtent));
	Span span = {
		.save = save,
		.worker = worker,
		.reader = reader,
		.first = first,
		.count = count,
		.kinds = kinds,
		.found = found,
		.extents = extents,
	};

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	return find_kinds(&span, error) && find_stored(&span, error) && save_blocks(&span, error);
}
