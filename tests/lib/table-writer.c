/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table-writer.h"

#include <string.h>
#include <zlib.h>

static void put_le32(guint8 *to, guint32 value)
{
	value = GUINT32_TO_LE(value);
	memcpy(to, &value, sizeof(value));
}

static void put_le64(guint8 *to, guint64 value)
{
	value = GUINT64_TO_LE(value);
	memcpy(to, &value, sizeof(value));
}

void write_mbr_entry(guint8 *sector, guint index, guint8 type, guint32 start, guint32 count)
{
	guint8 *entry = sector + 446 + (gsize)index * 16;

	entry[4] = type;
	put_le32(entry + 8, start);
	put_le32(entry + 12, count);
	sector[510] = 0x55;
	sector[511] = 0xaa;
}

void write_gpt_entry(guint8 *array, guint number, guint64 first, guint64 last)
{
	guint8 *entry = array + (gsize)(number - 1) * 128;

	memset(entry, 0xaf, 32); /* its type and its own id */
	put_le64(entry + 32, first);
	put_le64(entry + 40, last);
}

void write_gpt_header(guint8 *to, const GptHeader *header, const guint8 *array)
{
	memset(to, 0, 92);
	memcpy(to, "EFI PART\0\0\1", 12);
	put_le32(to + 12, 92);
	put_le64(to + 24, header->sector);
	put_le64(to + 32, header->alternate);
	put_le64(to + 72, header->array);
	put_le32(to + 80, header->count);
	put_le32(to + 84, header->entry_size);
	put_le32(to + 88, (guint32)crc32(0, array, (uInt)(header->count * header->entry_size)));
	put_le32(to + 16, (guint32)crc32(0, to, 92));
}
