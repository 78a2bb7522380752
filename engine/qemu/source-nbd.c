/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source-nbd.h"

#include "errors.h"
#include "nbd-changes-priv.h"
#include "nbd-client-priv.h"

#include <libnbd.h>
#include <string.h>

/* Lengths of block status are 32 bit; below that, answers come sooner in smaller steps. */
#define MAP_STEP (G_GUINT64_CONSTANT(1) << 30)

/* Bits of base:allocation. */
#define STATE_HOLE 1u
#define STATE_ZERO 2u

typedef struct NbdSource {
	VkSource base;
	char *socket;
	char *export;
	char *bitmap; /* NULL when the changes are not known */
} NbdSource;

typedef struct NbdReader {
	VkSourceReader base;
	VkNbdClient *client;
	gboolean has_allocation;
	VkNbdChanges *changes;           /* nullable */
	gint64 cookies[VK_SOURCE_DEPTH]; /* a ring of reads under way */
	guint first, count;
} NbdReader;

/* What one block status call covers, and how far its answer came. */
typedef struct Mapping {
	GArray *extents;
	guint64 position, end;
} Mapping;

static void append_extent(GArray *extents, guint64 offset, guint64 length, VkSourceKind kind)
{
	VkSourceExtent extent = {.offset = offset, .length = length, .kind = kind};

	if (extents->len > 0) {
		VkSourceExtent *last = &g_array_index(extents, VkSourceExtent, extents->len - 1);

		if (last->kind == kind && last->offset + last->length == offset) {
			last->length += length;
			return;
		}
	}
	g_array_append_val(extents, extent);
}

static int take_extents(void *data, const char *context, uint64_t offset, uint32_t *entries,
			size_t count, int *nbd_error)
{
	Mapping *mapping = data;

	if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0)
		return 0;
	for (size_t i = 0; i + 1 < count && mapping->position < mapping->end; i += 2) {
		guint64 length = MIN(entries[i], mapping->end - mapping->position);
		VkSourceKind kind = VK_SOURCE_DATA;

		if (length == 0)
			break;
		if (entries[i + 1] & STATE_ZERO)
			kind = entries[i + 1] & STATE_HOLE ? VK_SOURCE_HOLE : VK_SOURCE_ZERO;
		append_extent(mapping->extents, mapping->position, length, kind);
		mapping->position += length;
	}
	return 0;
}

static gboolean map_allocation(NbdReader *reader, guint64 offset, guint64 length, GArray *extents,
			       GError **error)
{
	Mapping mapping = {.extents = extents, .position = offset, .end = offset + length};

	if (!reader->has_allocation) {
		append_extent(extents, offset, length, VK_SOURCE_DATA);
		return TRUE;
	}
	while (mapping.position < mapping.end) {
		guint64 before = mapping.position;
		gint64 cookie = nbd_aio_block_status(
			reader->client->nbd, MIN(mapping.end - before, MAP_STEP), before,
			(nbd_extent_callback){.callback = take_extents, .user_data = &mapping},
			NBD_NULL_COMPLETION, 0);

		if (!vk_nbd_client_wait(reader->client, cookie, "map", error))
			return FALSE;
		if (mapping.position == before)
			return vk_fail(error, VK_ERROR_FAILED,
				       "cannot map %s: its server says nothing about offset "
				       "%" G_GUINT64_FORMAT,
				       reader->client->label, before);
	}
	return TRUE;
}

/* The allocation is asked for only where something changed. */
static gboolean map_changes(NbdReader *reader, guint64 offset, guint64 end, GArray *extents,
			    GError **error)
{
	while (offset < end) {
		guint64 start = end, stop = end;

		if (!vk_nbd_changes_find(reader->changes, offset, end, &start, &stop, error))
			return FALSE;
		if (start > offset)
			append_extent(extents, offset, start - offset, VK_SOURCE_SAME);
		if (stop > start && !map_allocation(reader, start, stop - start, extents, error))
			return FALSE;
		offset = stop;
	}
	return TRUE;
}

static gboolean nbd_map(VkSourceReader *base, guint64 offset, guint64 length, GArray *extents,
			GError **error)
{
	NbdReader *reader = (NbdReader *)base;

	return reader->changes ? map_changes(reader, offset, offset + length, extents, error)
			       : map_allocation(reader, offset, length, extents, error);
}

static gboolean nbd_seek_change(VkSourceReader *base, guint64 offset, guint64 *ret, GError **error)
{
	NbdReader *reader = (NbdReader *)base;
	gint64 size = nbd_get_size(reader->client->nbd);
	guint64 end;

	if (size < 0)
		return vk_nbd_client_fail(reader->client, "get the size of", error);
	return vk_nbd_changes_find(reader->changes, offset, (guint64)size, ret, &end, error);
}

/* The end of the last unchanged piece of [START, END); START when there is none. */
static gboolean find_last_same(NbdReader *reader, guint64 start, guint64 end, guint64 *ret,
			       GError **error)
{
	*ret = start;
	while (start < end) {
		guint64 changed = end, stop = end;

		if (!vk_nbd_changes_find(reader->changes, start, end, &changed, &stop, error))
			return FALSE;
		if (changed > start)
			*ret = changed;
		start = stop;
	}
	return TRUE;
}

/* The same of the data in [START, END); START when there is none. */
static gboolean find_last_same_data(NbdReader *reader, guint64 start, guint64 end, guint64 *ret,
				    GError **error)
{
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));

	*ret = start;
	if (!map_allocation(reader, start, end - start, extents, error))
		return FALSE;
	for (guint i = extents->len; i > 0; i--) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i - 1);
		guint64 last = extent->offset;

		if (extent->kind == VK_SOURCE_DATA &&
		    !find_last_same(reader, extent->offset, extent->offset + extent->length, &last,
				    error))
			return FALSE;
		if (last > extent->offset) {
			*ret = last;
			return TRUE;
		}
	}
	return TRUE;
}

static gboolean nbd_find_tail(VkSourceReader *base, guint64 *ret, GError **error)
{
	NbdReader *reader = (NbdReader *)base;
	gint64 size = nbd_get_size(reader->client->nbd);
	guint64 end, start;

	if (size < 0)
		return vk_nbd_client_fail(reader->client, "get the size of", error);
	for (end = (guint64)size; end > 0; end = start) {
		start = (end - 1) / MAP_STEP * MAP_STEP;
		if (!find_last_same_data(reader, start, end, ret, error))
			return FALSE;
		if (*ret > start)
			return TRUE;
	}
	*ret = 0;
	return TRUE;
}

static gboolean nbd_submit(VkSourceReader *base, guint64 offset, gsize length, void *buf,
			   GError **error)
{
	NbdReader *reader = (NbdReader *)base;
	gint64 cookie;

	g_assert(reader->count < VK_SOURCE_DEPTH);
	cookie = nbd_aio_pread(reader->client->nbd, buf, length, offset, NBD_NULL_COMPLETION, 0);
	if (cookie < 0)
		return vk_nbd_client_fail(reader->client, "read", error);
	reader->cookies[(reader->first + reader->count) % VK_SOURCE_DEPTH] = cookie;
	reader->count++;
	return TRUE;
}

static gboolean nbd_complete(VkSourceReader *base, GError **error)
{
	NbdReader *reader = (NbdReader *)base;
	gint64 cookie = reader->cookies[reader->first];

	g_assert(reader->count > 0);
	reader->first = (reader->first + 1) % VK_SOURCE_DEPTH;
	reader->count--;
	return vk_nbd_client_wait(reader->client, cookie, "read", error);
}

static void nbd_reader_free(VkSourceReader *base)
{
	NbdReader *reader = (NbdReader *)base;

	vk_nbd_changes_free(reader->changes);
	vk_nbd_client_free(reader->client);
	g_free(reader);
}

static const VkSourceReaderOps nbd_reader_ops = {
	.map = nbd_map,
	.submit = nbd_submit,
	.complete = nbd_complete,
	.seek_change = nbd_seek_change,
	.find_tail = nbd_find_tail,
	.free = nbd_reader_free,
};

static VkSourceReader *nbd_open_reader(VkSource *base, GError **error)
{
	NbdSource *source = (NbdSource *)base;
	g_autoptr(VkNbdClient) client = vk_nbd_client_new(source->socket, source->export,
							  LIBNBD_CONTEXT_BASE_ALLOCATION, error);
	VkNbdChanges *changes = NULL;
	NbdReader *reader;

	if (!client)
		return NULL;
	if (source->bitmap) {
		changes = vk_nbd_changes_new(source->socket, source->export, source->bitmap, error);
		if (!changes)
			return NULL;
	}
	reader = g_new0(NbdReader, 1);
	reader->base.ops = &nbd_reader_ops;
	reader->changes = changes;
	reader->has_allocation =
		nbd_can_meta_context(client->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;
	reader->client = g_steal_pointer(&client);
	return &reader->base;
}

static void nbd_source_free(VkSource *base)
{
	NbdSource *source = (NbdSource *)base;

	g_free(source->socket);
	g_free(source->export);
	g_free(source->bitmap);
	g_free(source);
}

static const VkSourceOps nbd_source_ops = {
	.open_reader = nbd_open_reader,
	.free = nbd_source_free,
};

VkSource *vk_source_nbd_new(const char *socket, const char *export, const char *bitmap,
			    GError **error)
{
	g_autoptr(VkNbdClient) client = vk_nbd_client_new(socket, export, NULL, error);
	gboolean knows_changes = FALSE;
	NbdSource *source;
	gint64 size;

	if (!client ||
	    (bitmap && !vk_nbd_changes_offered(socket, export, bitmap, &knows_changes, error)))
		return NULL;
	size = nbd_get_size(client->nbd);
	if (size < 0) {
		vk_nbd_client_fail(client, "get the size of", error);
		return NULL;
	}
	source = g_new0(NbdSource, 1);
	source->base.ops = &nbd_source_ops;
	source->base.size = (guint64)size;
	source->base.knows_changes = knows_changes;
	source->socket = g_strdup(socket);
	source->export = g_strdup(export);
	source->bitmap = knows_changes ? g_strdup(bitmap) : NULL;
	return &source->base;
}
