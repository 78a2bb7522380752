/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPartitionTable: the partitions of a disk, read from its image. It knows GPT, and MBR with
 * logical partitions, with sectors of 512 and 4096 bytes. A guest has written the table, so nothing
 * in it is trusted: the time and the memory of reading it have a bound, and the partitions lie
 * within the disk and do not overlap. Threads: free; immutable.
 */
#pragma once

#include "image.h"

#include <glib.h>

/* So many partitions has a disk at most. */
#define VK_PARTITIONS_MAX 1024u

typedef enum {
	VK_TABLE_NONE,
	VK_TABLE_MBR,
	VK_TABLE_GPT,
	VK_TABLE_GPT_BACKUP,  /* from the copy at the end of the disk: the first one is damaged */
	VK_TABLE_GPT_DAMAGED, /* neither copy can be read: no partitions */
} VkTableKind;

typedef struct VkPartition {
	guint number;  /* as the kernel of the guest counts: 1 for vda1; 5 and more are logical */
	guint64 start; /* bytes */
	guint64 size;  /* bytes, > 0 */
} VkPartition;

typedef struct VkPartitionTable {
	VkTableKind kind;
	GArray *partitions; /* VkPartition, ordered by number */
	guint left_out;     /* entries that reach beyond the disk or overlap another one */
} VkPartitionTable;

/*
 * Returns a new table; DISK is borrowed for the call. VK_ERROR_DAMAGE: the first sector cannot be
 * read, so that there may be a table, and the disk has no second copy of one.
 */
VkPartitionTable *vk_partition_table_read(VkImage *disk, GError **error);
void vk_partition_table_free(VkPartitionTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPartitionTable, vk_partition_table_free)

/* KIND in words, for people. Static. */
const char *vk_table_kind_text(VkTableKind kind);
