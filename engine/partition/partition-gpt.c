/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GPT: a header in sector 1 and an array of entries, both with a checksum, and a copy of both at
 * the end of the disk.
 */
#include "partition-priv.h"

#include <zlib.h>

#define HEADER_MIN     92u
#define ENTRY_MIN      128u
#define ENTRY_MAX      4096u
#define ARRAY_SIZE_MAX (128u << 10)

typedef struct Header {
	guint64 alternate; /* sector of the other copy */
	guint64 array;     /* sector of the first entry */
	guint32 count;
	guint32 entry_size; /* bytes */
	guint32 checksum;   /* of the array */
} Header;

static const guint32 sector_sizes[] = {512, 4096};

static guint32 checksum_of(const guint8 *bytes, gsize length)
{
	return (guint32)crc32(0, bytes, (uInt)length);
}

/* BYTES: the first 512 of the sector. */
static gboolean parse_header(guint8 *bytes, guint64 sector, Header *ret)
{
	guint32 length = vk_get_le32(bytes + 12);
	guint32 checksum = vk_get_le32(bytes + 16);

	if (memcmp(bytes, "EFI PART", 8) != 0 || length < HEADER_MIN || length > VK_SECTOR_SIZE)
		return FALSE;
	/* It was computed without itself. */
	memset(bytes + 16, 0, 4);
	if (checksum_of(bytes, length) != checksum || vk_get_le64(bytes + 24) != sector)
		return FALSE;
	*ret = (Header){
		.alternate = vk_get_le64(bytes + 32),
		.array = vk_get_le64(bytes + 72),
		.count = vk_get_le32(bytes + 80),
		.entry_size = vk_get_le32(bytes + 84),
		.checksum = vk_get_le32(bytes + 88),
	};
	return TRUE;
}

G_STATIC_ASSERT(ARRAY_SIZE_MAX / ENTRY_MIN == VK_PARTITIONS_MAX);

/* The sizes that the specification allows, as far as memory shall go. */
static gboolean is_bounded(const Header *header)
{
	guint32 size = header->entry_size;

	return size >= ENTRY_MIN && size <= ENTRY_MAX && (size & (size - 1)) == 0 &&
	       (guint64)header->count * size <= ARRAY_SIZE_MAX;
}

static void take_entry(VkPartitionTable *table, const VkImage *disk, guint number,
		       const guint8 *entry, guint32 sector_size)
{
	static const guint8 unused[16];
	guint64 first = vk_get_le64(entry + 32);
	guint64 last = vk_get_le64(entry + 40);

	if (memcmp(entry, unused, sizeof(unused)) == 0)
		return;
	if (first > last || last >= disk->size / sector_size)
		table->left_out++;
	else
		vk_partition_table_add(table, disk, number, first * sector_size,
				       (last - first + 1) * sector_size);
}

static gboolean read_array(VkPartitionTable *table, VkImage *disk, const Header *header,
			   guint32 sector_size, gboolean *ret_valid, GError **error)
{
	gsize length = (gsize)header->count * header->entry_size;
	g_autofree guint8 *array = g_malloc(MAX(length, 1));
	gboolean there;

	if (header->array > disk->size / sector_size)
		return TRUE;
	if (!vk_disk_read(disk, header->array * sector_size, array, length, &there, error))
		return FALSE;
	if (!there || checksum_of(array, length) != header->checksum)
		return TRUE;
	for (guint i = 0; i < header->count; i++)
		take_entry(table, disk, i + 1, array + (gsize)i * header->entry_size, sector_size);
	*ret_valid = TRUE;
	return TRUE;
}

/*
 * Fills TABLE from the copy whose header is in SECTOR. *RET_VALID stays as it is if there is none;
 * *RET_ALTERNATE is set as soon as the header says where the other copy is.
 */
static gboolean read_copy(VkPartitionTable *table, VkImage *disk, guint32 sector_size,
			  guint64 sector, gboolean *ret_valid, guint64 *ret_alternate,
			  GError **error)
{
	guint8 bytes[VK_SECTOR_SIZE];
	gboolean there;
	Header header;

	if (sector == 0 || sector >= disk->size / sector_size)
		return TRUE;
	if (!vk_disk_read(disk, sector * sector_size, bytes, sizeof(bytes), &there, error))
		return FALSE;
	if (!there || !parse_header(bytes, sector, &header))
		return TRUE;
	*ret_alternate = header.alternate;
	return !is_bounded(&header) ||
	       read_array(table, disk, &header, sector_size, ret_valid, error);
}

/* Without a header that says where the copy is, it is in the last sector. */
static gboolean read_copies(VkPartitionTable *table, VkImage *disk, guint32 sector_size,
			    gboolean *ret_valid, GError **error)
{
	guint64 last = disk->size / sector_size - 1;
	guint64 alternate = last, unused;

	if (!read_copy(table, disk, sector_size, 1, ret_valid, &alternate, error))
		return FALSE;
	table->kind = VK_TABLE_GPT;
	if (*ret_valid)
		return TRUE;
	table->kind = VK_TABLE_GPT_BACKUP;
	if (!read_copy(table, disk, sector_size, alternate, ret_valid, &unused, error))
		return FALSE;
	return *ret_valid || alternate == last ||
	       read_copy(table, disk, sector_size, last, ret_valid, &unused, error);
}

gboolean vk_gpt_read(VkPartitionTable *table, VkImage *disk, GError **error)
{
	gboolean is_valid = FALSE;

	for (guint i = 0; i < G_N_ELEMENTS(sector_sizes) && !is_valid; i++)
		if (disk->size >= sector_sizes[i] &&
		    !read_copies(table, disk, sector_sizes[i], &is_valid, error))
			return FALSE;
	if (!is_valid)
		table->kind = VK_TABLE_GPT_DAMAGED;
	return TRUE;
}
