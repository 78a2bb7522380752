/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the partition tables: reading what may be damaged, and the two formats. */
#pragma once

#include "partition-table.h"

#include <string.h>

#define VK_SECTOR_SIZE       512u
#define VK_LARGE_SECTOR_SIZE 4096u

static inline guint32 vk_get_le32(const guint8 *bytes)
{
	guint32 value;

	memcpy(&value, bytes, sizeof(value));
	return GUINT32_FROM_LE(value);
}

static inline guint64 vk_get_le64(const guint8 *bytes)
{
	guint64 value;

	memcpy(&value, bytes, sizeof(value));
	return GUINT64_FROM_LE(value);
}

/*
 * Reads LENGTH bytes. *RET_THERE is FALSE if they are damaged or lie beyond the end of DISK. Fails
 * for trouble that may pass.
 */
gboolean vk_disk_read(VkImage *disk, guint64 offset, void *buf, gsize length, gboolean *ret_there,
		      GError **error);

/* Adds an entry of DISK's table, in bytes; counts it as left out if it reaches beyond the disk. */
void vk_partition_table_add(VkPartitionTable *table, const VkImage *disk, guint number,
			    guint64 start, guint64 size);

/* Whether the SECTOR 0 says that the disk has a GPT. */
gboolean vk_mbr_is_protective(const guint8 *sector);

/*
 * Fills TABLE from the SECTOR 0 and, for the logical partitions, from DISK, which has sectors of
 * SECTOR_SIZE bytes.
 */
gboolean vk_mbr_read(VkPartitionTable *table, VkImage *disk, const guint8 *sector,
		     guint32 sector_size, GError **error);

/* Fills TABLE; its kind is VK_TABLE_GPT_DAMAGED if neither copy is valid. */
gboolean vk_gpt_read(VkPartitionTable *table, VkImage *disk, GError **error);
