/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an NBD server says of an export: what changed, what is allocated, and the data. The input is
 * the size of the export in units of 512 bytes, and then the chunks of replies: type, flags, the
 * length of the payload in 16 bits, and the payload. Whatever comes, the extents are in order, and
 * they cover what was asked for.
 */
#include "fuzz.h"
#include "nbd-stub.h"
#include "source-nbd.h"

#define READ_LENGTH 4096

static void check_extents(const GArray *extents, guint64 offset, guint64 end)
{
	for (guint i = 0; i < extents->len; i++) {
		const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);

		g_assert(extent->offset == offset && extent->length > 0);
		g_assert(extent->length <= end - offset);
		offset += extent->length;
	}
	g_assert(offset == end);
}

static void read_source(VkSource *source)
{
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));
	VkSourceReader *reader = source->ops->open_reader(source, NULL);
	g_autofree guint8 *buf = g_malloc(READ_LENGTH);
	guint64 at, length = MIN(source->size, 1u << 20);

	if (!reader)
		return;
	if (reader->ops->map(reader, 0, length, extents, NULL))
		check_extents(extents, 0, length);
	if (source->knows_changes && reader->ops->seek_change(reader, 0, &at, NULL))
		g_assert(at <= source->size);
	if (source->knows_changes && reader->ops->find_tail(reader, &at, NULL))
		g_assert(at <= source->size);
	if (length >= READ_LENGTH && reader->ops->submit(reader, 0, READ_LENGTH, buf, NULL))
		reader->ops->complete(reader, NULL);
	reader->ops->free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	NbdStub *stub = nbd_stub_new(data, size);
	VkSource *source = vk_source_nbd_new(nbd_stub_socket(), "vda", "changes", NULL);

	if (source) {
		read_source(source);
		vk_source_free(source);
	}
	nbd_stub_free(stub);
	return 0;
}
