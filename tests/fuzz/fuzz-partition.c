/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Partitions of any disk lie within it and do not overlap. The input is the beginning of a disk; it
 * is read as it is, and again with right checksums, because a fuzzer does not guess these.
 */
#include "fuzz.h"
#include "memory-image.h"
#include "partition-table.h"
#include "table-writer.h"
#include "volume-type.h"

#include <string.h>

static void check(VkImage *disk)
{
	g_autoptr(VkPartitionTable) table = vk_partition_table_read(disk, NULL);
	guint last_number = 0;
	guint64 sum = 0;

	g_assert(table);
	for (guint i = 0; i < table->partitions->len; i++) {
		const VkPartition *part = &g_array_index(table->partitions, VkPartition, i);
		const char *type;

		g_assert(part->number > last_number);
		g_assert(part->size > 0 && part->start < disk->size);
		g_assert(part->size <= disk->size - part->start);
		g_assert(vk_volume_type(disk, part->start, part->size, &type, NULL));
		last_number = part->number;
		sum += part->size;
	}
	g_assert(sum <= disk->size);
	g_assert(table->partitions->len <= VK_PARTITIONS_MAX);
}

/* The entries stay as they are, the header's numbers too. */
static void repair(MemoryImage *image, guint64 sector_size)
{
	GptHeader header = {.sector = 1};
	guint8 *bytes;

	if (image->base.size < 2 * sector_size)
		return;
	bytes = image->bytes + sector_size;
	if (memcmp(bytes, "EFI PART", 8) != 0)
		return;
	memcpy(&header.alternate, bytes + 32, 8);
	memcpy(&header.array, bytes + 72, 8);
	memcpy(&header.count, bytes + 80, 4);
	memcpy(&header.entry_size, bytes + 84, 4);
	if (header.array > image->base.size / sector_size || header.count > 2048 ||
	    header.entry_size > 8192 ||
	    (guint64)header.count * header.entry_size >
		    image->base.size - header.array * sector_size)
		return;
	write_gpt_header(bytes, &header, image->bytes + header.array * sector_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MemoryImage *image = memory_image_new(size);

	if (size > 0)
		memcpy(image->bytes, data, size);
	check(&image->base);
	repair(image, 512);
	repair(image, 4096);
	check(&image->base);
	vk_image_free(&image->base);
	return 0;
}
