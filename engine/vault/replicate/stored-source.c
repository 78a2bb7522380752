/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each reader has a few requests under way. Threads that all readers share do them: a bucket
 * answers slowly, and to decode is work.
 */
#include "stored-source.h"

#include "image-change.h"
#include "vault-parts.h"

#include "errors.h"
#include "hasher.h"

#include <string.h>

#define THREADS_MAX     16
#define BLOCKS_PER_READ (VK_SOURCE_READ_MAX / VK_BLOCK_SIZE)

typedef struct StoredSource {
	VkSource base;
	VkVault *vault;
	VkImageChange *change;
	GThreadPool *pool; /* does Requests */
} StoredSource;

/* Where a block of a request is in its FORMS. LENGTH 0: nowhere. */
typedef struct Form {
	gsize offset, length;
	guint8 compression;
} Form;

typedef struct StoredReader StoredReader;

/* The reading of COUNT blocks from FIRST on. */
typedef struct Request {
	StoredReader *reader;
	guint32 first, count;
	gsize length; /* bytes; the last block of an image may be short */
	guint8 *buf;
	VkHasher *hasher;          /* of the vault's ids; NULL: the key in use makes none */
	gboolean has_wrong_length; /* a block does */
	GByteArray *bytes;
	Form forms[BLOCKS_PER_READ];
	VkBlockId ids[BLOCKS_PER_READ]; /* as the vault says */
	guint32 at;                     /* the first block of the extent that is being read */
	guint32 slot;                   /* where it is */
	gboolean done;                  /* under the reader's mutex; so is ERROR */
	GError *error;
} Request;

struct StoredReader {
	VkSourceReader base;
	StoredSource *source;
	Request requests[VK_SOURCE_DEPTH];
	guint submitted, completed;
	GMutex mutex;
	GCond changed;
};

static gboolean is_data(const VkExtent *extent)
{
	return extent->kind == VK_EXTENT_DATA || extent->kind == VK_EXTENT_DAMAGED;
}

static VkSourceKind kind_of(const VkExtent *extent, gboolean same)
{
	if (same)
		return VK_SOURCE_SAME;
	if (is_data(extent))
		return VK_SOURCE_DATA;
	return extent->kind == VK_EXTENT_ZERO ? VK_SOURCE_ZERO : VK_SOURCE_HOLE;
}

static gboolean stored_map(VkSourceReader *base, guint64 offset, guint64 length, GArray *extents,
			   GError **error)
{
	StoredSource *source = ((StoredReader *)base)->source;
	guint64 end = offset + length;

	while (offset < end) {
		guint32 block = (guint32)(offset >> VK_BLOCK_LOG2);
		VkSourceExtent found = {.offset = offset};
		VkExtent extent;
		gboolean same;

		if (!vk_image_change_look(source->change, block, &extent, &same, error))
			return FALSE;
		offset = MIN(end, ((guint64)block + extent.count) << VK_BLOCK_LOG2);
		found.length = offset - found.offset;
		found.kind = kind_of(&extent, same);
		g_array_append_val(extents, found);
	}
	return TRUE;
}

static gboolean stored_seek_change(VkSourceReader *base, guint64 offset, guint64 *ret,
				   GError **error)
{
	StoredSource *source = ((StoredReader *)base)->source;
	guint64 size = source->base.size;

	while (offset < size) {
		guint32 block = (guint32)(offset >> VK_BLOCK_LOG2);
		VkExtent extent;
		gboolean same;

		if (!vk_image_change_look(source->change, block, &extent, &same, error))
			return FALSE;
		if (!same)
			break;
		offset = ((guint64)block + extent.count) << VK_BLOCK_LOG2;
	}
	*ret = MIN(offset, size);
	return TRUE;
}

static gsize block_length(const Request *request, guint32 i)
{
	return MIN(VK_BLOCK_SIZE, request->length - ((gsize)i << VK_BLOCK_LOG2));
}

/* A VkReadSlotFunc. */
static void take_slot(gpointer user, const VkReadSlot *slot)
{
	Request *request = user;
	guint32 i = request->at + (slot->slot - request->slot);
	gsize length = MIN(slot->length, block_length(request, i));

	memcpy(request->buf + ((gsize)i << VK_BLOCK_LOG2), slot->block, length);
	memcpy(request->ids[i].bytes, slot->id, VK_BLOCK_ID_SIZE);
	request->forms[i] = (Form){.offset = request->bytes->len,
				   .length = slot->stored ? slot->stored_length : 0,
				   .compression = slot->compression};
	if (slot->stored)
		g_byte_array_append(request->bytes, slot->stored, (guint)slot->stored_length);
	request->has_wrong_length |= slot->length != block_length(request, i);
}

static gboolean read_extents(Request *request, GError **error)
{
	StoredSource *source = request->reader->source;

	for (guint32 i = 0; i < request->count;) {
		VkExtent extent;
		gboolean same;
		guint32 n;

		if (!vk_image_change_look(source->change, request->first + i, &extent, &same,
					  error))
			return FALSE;
		if (same || extent.kind != VK_EXTENT_DATA)
			return vk_fail(error, VK_ERROR_DAMAGE, "this part of the image is lost");
		n = MIN(extent.count, request->count - i);
		request->at = i;
		request->slot = extent.slot;
		if (!vk_pack_cache_read_slots(source->vault->packs, &extent.pack, extent.slot, n,
					      take_slot, request, error))
			return FALSE;
		i += n;
	}
	return TRUE;
}

static gboolean check_ids(Request *request, GError **error)
{
	VkHashed blocks[BLOCKS_PER_READ];

	for (guint32 i = 0; i < request->count; i++)
		blocks[i] = (VkHashed){.data = request->buf + ((gsize)i << VK_BLOCK_LOG2),
				       .length = block_length(request, i)};
	if (request->has_wrong_length)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "a block of the image does not have the length that was stored");
	/* What is sealed is checked by its key. */
	if (!request->hasher)
		return TRUE;
	vk_hasher_run(request->hasher, blocks, request->count);
	for (guint32 i = 0; i < request->count; i++)
		if (memcmp(&blocks[i].id, &request->ids[i], sizeof(blocks[i].id)) != 0)
			return vk_fail(error, VK_ERROR_DAMAGE,
				       "block %u of the image is not what was stored",
				       request->first + i);
	return TRUE;
}

static void do_request(gpointer data, gpointer unused)
{
	Request *request = data;
	StoredReader *reader = request->reader;
	GError *error = NULL;

	(void)unused;
	if (read_extents(request, &error))
		check_ids(request, &error);
	g_mutex_lock(&reader->mutex);
	request->error = error;
	request->done = TRUE;
	g_cond_broadcast(&reader->changed);
	g_mutex_unlock(&reader->mutex);
}

static gboolean stored_submit(VkSourceReader *base, guint64 offset, gsize length, void *buf,
			      GError **error)
{
	StoredReader *reader = (StoredReader *)base;
	Request *request = &reader->requests[reader->submitted % VK_SOURCE_DEPTH];

	request->first = (guint32)(offset >> VK_BLOCK_LOG2);
	request->count = (guint32)((length + VK_BLOCK_SIZE - 1) >> VK_BLOCK_LOG2);
	request->length = length;
	request->buf = buf;
	request->has_wrong_length = FALSE;
	g_byte_array_set_size(request->bytes, 0);
	request->done = FALSE;
	reader->submitted++;
	/* As g_thread_new() does. */
	if (!g_thread_pool_push(reader->source->pool, request, NULL))
		g_error("no thread can be made");
	return TRUE;
}

static Request *await_oldest(StoredReader *reader)
{
	Request *request = &reader->requests[reader->completed++ % VK_SOURCE_DEPTH];

	g_mutex_lock(&reader->mutex);
	while (!request->done)
		g_cond_wait(&reader->changed, &reader->mutex);
	g_mutex_unlock(&reader->mutex);
	return request;
}

static gboolean stored_complete(VkSourceReader *base, GError **error)
{
	Request *request = await_oldest((StoredReader *)base);

	if (!request->error)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&request->error));
	return FALSE;
}

static void stored_reader_free(VkSourceReader *base)
{
	StoredReader *reader = (StoredReader *)base;

	while (reader->completed < reader->submitted)
		g_clear_error(&await_oldest(reader)->error);
	for (guint i = 0; i < VK_SOURCE_DEPTH; i++) {
		vk_hasher_free(reader->requests[i].hasher);
		g_byte_array_unref(reader->requests[i].bytes);
	}
	g_mutex_clear(&reader->mutex);
	g_cond_clear(&reader->changed);
	g_free(reader);
}

static VkSourceReader *stored_open_reader(VkSource *base, GError **error)
{
	static const VkSourceReaderOps ops = {
		.map = stored_map,
		.submit = stored_submit,
		.complete = stored_complete,
		.seek_change = stored_seek_change,
		.free = stored_reader_free,
	};
	StoredSource *source = (StoredSource *)base;
	StoredReader *reader = g_new0(StoredReader, 1);

	(void)error;
	reader->base.ops = &ops;
	reader->source = source;
	g_mutex_init(&reader->mutex);
	g_cond_init(&reader->changed);
	for (guint i = 0; i < VK_SOURCE_DEPTH; i++) {
		reader->requests[i].reader = reader;
		if (!source->vault->keyring || vk_vault_id_key(source->vault))
			reader->requests[i].hasher = vk_hasher_new(vk_vault_id_key(source->vault));
		reader->requests[i].bytes = g_byte_array_new();
	}
	return &reader->base;
}

static void stored_free(VkSource *base)
{
	StoredSource *source = (StoredSource *)base;

	g_thread_pool_free(source->pool, FALSE, TRUE);
	vk_image_change_free(source->change);
	g_free(source);
}

VkSource *vk_stored_source_new(VkVault *from, const VkImageRecord *image, const VkImageRecord *base)
{
	static const VkSourceOps ops = {.open_reader = stored_open_reader, .free = stored_free};
	StoredSource *source = g_new0(StoredSource, 1);
	int threads = (int)MIN(g_get_num_processors() * VK_SOURCE_DEPTH, THREADS_MAX);

	source->base = (VkSource){.ops = &ops, .size = image->size, .knows_changes = base != NULL};
	source->vault = from;
	source->change = vk_image_change_new(from, image, base);
	source->pool = g_thread_pool_new(do_request, NULL, threads, FALSE, NULL);
	return &source->base;
}

/* Sets the ids of N blocks that lie in a row from the slot of EXTENT on. */
static gboolean identify_slots(VkVault *vault, const VkExtent *extent, guint32 n, VkBlockId *ret,
			       GError **error)
{
	g_autoptr(VkPackTable) table = NULL;

	for (guint32 i = 0; i < n; i++) {
		guint32 slot = extent->slot + i;

		if (!table || !vk_pack_table_has_data(table, slot)) {
			vk_pack_table_unref(table);
			table = vk_pack_cache_find(vault->packs, &extent->pack, slot, error);
		}
		if (!table)
			return FALSE;
		memcpy(ret[i].bytes, table->entries[slot].id, VK_BLOCK_ID_SIZE);
	}
	return TRUE;
}

static gboolean identify(VkSourceReader *base, guint32 first, guint32 count, VkBlockId *ret,
			 GError **error)
{
	StoredSource *source = ((StoredReader *)base)->source;

	for (guint32 i = 0; i < count;) {
		VkExtent extent;
		gboolean same;
		guint32 n;

		if (!vk_image_change_look(source->change, first + i, &extent, &same, error))
			return FALSE;
		if (same || extent.kind != VK_EXTENT_DATA)
			return vk_fail(error, VK_ERROR_DAMAGE, "this part of the image is lost");
		n = MIN(extent.count, count - i);
		if (!identify_slots(source->vault, &extent, n, ret + i, error))
			return FALSE;
		i += n;
	}
	return TRUE;
}

static gboolean find_form(VkSourceReader *base, guint32 block, VkStoredBlock *ret)
{
	StoredReader *reader = (StoredReader *)base;
	const Request *request = &reader->requests[(reader->completed - 1) % VK_SOURCE_DEPTH];
	const Form *form = &request->forms[block - request->first];

	*ret = (VkStoredBlock){.bytes = request->bytes->data + form->offset,
			       .length = form->length,
			       .compression = form->compression};
	return form->length > 0;
}

static gboolean have_same_ids(const VkVault *one, const VkVault *other)
{
	const VkKey *left = vk_vault_id_key(one), *right = vk_vault_id_key(other);

	if (!vk_vault_is_encrypted(one) && !vk_vault_is_encrypted(other))
		return TRUE;
	return left && right && memcmp(left, right, sizeof(*left)) == 0;
}

const VkStoredCalls *vk_stored_source_calls(const VkVault *from, const VkVault *to)
{
	static const VkStoredCalls alike = {.identify = identify, .find = find_form};
	static const VkStoredCalls other = {.find = find_form};

	return have_same_ids(from, to) ? &alike : &other;
}
