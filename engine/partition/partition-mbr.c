/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MBR: four entries in sector 0. An extended one holds logical partitions: a chain of sectors of
 * the same form, each with one partition and the place of the next sector. All numbers are in
 * sectors of the disk, whose size the table does not say.
 */
#include "partition-priv.h"

#define ENTRIES         4u
#define ENTRIES_OFFSET  446u
#define ENTRY_SIZE      16u
#define PROTECTIVE      0xeeu
#define LOGICAL_FIRST   5u
#define CHAIN_LINKS_MAX 128u

typedef struct Entry {
	guint8 boot;
	guint8 type;
	guint64 start; /* bytes, from where the entry says */
	guint64 size;  /* bytes; 0: not in use */
} Entry;

/* A chain, and what was found in it. */
typedef struct Chain {
	guint32 sector_size;
	guint64 start; /* bytes, of the extended partition */
	guint64 size;
	guint64 links[CHAIN_LINKS_MAX]; /* bytes: the sectors that were read, of all chains */
	guint n_links;
	guint number; /* of the next logical partition */
} Chain;

static Entry get_entry(const guint8 *sector, guint index, guint32 sector_size)
{
	const guint8 *bytes = sector + ENTRIES_OFFSET + (gsize)index * ENTRY_SIZE;

	return (Entry){
		.boot = bytes[0],
		.type = bytes[4],
		.start = (guint64)vk_get_le32(bytes + 8) * sector_size,
		.size = (guint64)vk_get_le32(bytes + 12) * sector_size,
	};
}

static gboolean is_extended(const Entry *entry)
{
	return entry->size > 0 &&
	       (entry->type == 0x05 || entry->type == 0x0f || entry->type == 0x85);
}

static gboolean is_signed(const guint8 *sector)
{
	return sector[510] == 0x55 && sector[511] == 0xaa;
}

gboolean vk_mbr_is_protective(const guint8 *sector)
{
	for (guint i = 0; is_signed(sector) && i < ENTRIES; i++)
		if (get_entry(sector, i, VK_SECTOR_SIZE).type == PROTECTIVE)
			return TRUE;
	return FALSE;
}

/* What looks like an MBR may be other code with that signature. */
static gboolean is_mbr(const guint8 *sector)
{
	for (guint i = 0; i < ENTRIES; i++)
		if ((get_entry(sector, i, VK_SECTOR_SIZE).boot & 0x7f) != 0)
			return FALSE;
	return is_signed(sector);
}

static gboolean is_inside(const Chain *chain, guint64 start, guint64 size)
{
	return start >= chain->start && size <= chain->size &&
	       start - chain->start <= chain->size - size;
}

/* Whether the sector at AT is to be read: it lies in the chain and was not read before. */
static gboolean take_link(Chain *chain, guint64 at)
{
	if (!is_inside(chain, at, VK_SECTOR_SIZE) || chain->n_links == CHAIN_LINKS_MAX)
		return FALSE;
	for (guint i = 0; i < chain->n_links; i++)
		if (chain->links[i] == at)
			return FALSE;
	chain->links[chain->n_links++] = at;
	return TRUE;
}

/* The partitions of the chain's sector at AT; *RET_NEXT is the next one, 0 for none. */
static void take_sector(VkPartitionTable *table, const VkImage *disk, Chain *chain,
			const guint8 *sector, guint64 at, guint64 *ret_next)
{
	*ret_next = 0;
	for (guint i = 0; i < ENTRIES; i++) {
		Entry entry = get_entry(sector, i, chain->sector_size);

		if (is_extended(&entry) && *ret_next == 0)
			*ret_next = chain->start + entry.start;
		if (entry.size == 0 || is_extended(&entry))
			continue;
		/* The kernel takes what else lies there for garbage if it is not inside. */
		if (is_inside(chain, at + entry.start, entry.size))
			vk_partition_table_add(table, disk, chain->number++, at + entry.start,
					       entry.size);
		else if (i < 2) {
			chain->number++;
			table->left_out++;
		}
	}
}

static gboolean read_chain(VkPartitionTable *table, VkImage *disk, Chain *chain, GError **error)
{
	guint64 at = chain->start;

	while (at > 0 && take_link(chain, at)) {
		guint8 sector[VK_SECTOR_SIZE];
		gboolean there;

		if (!vk_disk_read(disk, at, sector, sizeof(sector), &there, error))
			return FALSE;
		if (!there || !is_signed(sector))
			break;
		take_sector(table, disk, chain, sector, at, &at);
	}
	return TRUE;
}

gboolean vk_mbr_read(VkPartitionTable *table, VkImage *disk, const guint8 *sector,
		     guint32 sector_size, GError **error)
{
	Chain chain = {.sector_size = sector_size, .number = LOGICAL_FIRST};

	if (!is_mbr(sector))
		return TRUE;
	table->kind = VK_TABLE_MBR;
	for (guint i = 0; i < ENTRIES; i++) {
		Entry entry = get_entry(sector, i, sector_size);

		if (is_extended(&entry)) {
			chain.start = entry.start;
			chain.size = entry.size;
			if (!read_chain(table, disk, &chain, error))
				return FALSE;
		} else if (entry.size > 0) {
			vk_partition_table_add(table, disk, i + 1, entry.start, entry.size);
		}
	}
	return TRUE;
}
