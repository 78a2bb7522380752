/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "partition-table.h"

#include "errors.h"
#include "partition-priv.h"
#include "volume-type.h"

gboolean vk_disk_read(VkImage *disk, guint64 offset, void *buf, gsize length, gboolean *ret_there,
		      GError **error)
{
	g_autoptr(GError) trouble = NULL;

	*ret_there = FALSE;
	if (offset > disk->size || length > disk->size - offset)
		return TRUE;
	if (vk_image_read(disk, offset, buf, length, &trouble)) {
		*ret_there = TRUE;
		return TRUE;
	}
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

void vk_partition_table_add(VkPartitionTable *table, const VkImage *disk, guint number,
			    guint64 start, guint64 size)
{
	const VkPartition partition = {.number = number, .start = start, .size = size};

	if (size == 0 || start >= disk->size || size > disk->size - start)
		table->left_out++;
	else
		g_array_append_val(table->partitions, partition);
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	const VkPartition *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static gint by_start(gconstpointer a, gconstpointer b)
{
	const VkPartition *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return by_number(a, b);
}

/* Of two that overlap, the one that begins first stays. */
static void leave_out_overlaps(VkPartitionTable *table)
{
	g_autoptr(GArray) found = g_steal_pointer(&table->partitions);
	guint64 end = 0;

	table->partitions = g_array_new(FALSE, FALSE, sizeof(VkPartition));
	g_array_sort(found, by_start);
	for (guint i = 0; i < found->len; i++) {
		const VkPartition *partition = &g_array_index(found, VkPartition, i);

		if (partition->start < end) {
			table->left_out++;
			continue;
		}
		g_array_append_val(table->partitions, *partition);
		end = partition->start + partition->size;
	}
	g_array_sort(table->partitions, by_number);
}

/* A boot sector of these has a signature like an MBR, and code where the MBR has its entries. */
static gboolean has_boot_sector(VkImage *disk, gboolean *ret_has, GError **error)
{
	const char *type;

	if (!vk_volume_type(disk, 0, disk->size, &type, error))
		return FALSE;
	*ret_has = type && (g_str_equal(type, "vfat") || g_str_equal(type, "exfat") ||
			    g_str_equal(type, "ntfs"));
	return TRUE;
}

static VkPartitionTable *new_table(void)
{
	VkPartitionTable *table = g_new0(VkPartitionTable, 1);

	table->partitions = g_array_new(FALSE, FALSE, sizeof(VkPartition));
	return table;
}

/* Whether what lies in a partition of TABLE is of a known type. */
static gboolean has_known_type(const VkPartitionTable *table, VkImage *disk, gboolean *ret_has,
			       GError **error)
{
	const char *type = NULL;

	for (guint i = 0; !type && i < table->partitions->len; i++) {
		const VkPartition *part = &g_array_index(table->partitions, VkPartition, i);

		if (!vk_volume_type(disk, part->start, part->size, &type, error))
			return FALSE;
	}
	*ret_has = type != NULL;
	return TRUE;
}

/* With sectors of the wrong size no partition is found where it is. */
static gboolean read_mbr_of_large_sectors(VkPartitionTable *table, VkImage *disk,
					  const guint8 *sector, GError **error)
{
	g_autoptr(VkPartitionTable) other = new_table();
	gboolean has_type = FALSE;

	if (!vk_mbr_read(other, disk, sector, VK_LARGE_SECTOR_SIZE, error) ||
	    !has_known_type(other, disk, &has_type, error))
		return FALSE;
	if (has_type) {
		VkPartitionTable kept = *table;

		*table = *other;
		*other = kept;
	}
	return TRUE;
}

static gboolean read_mbr(VkPartitionTable *table, VkImage *disk, const guint8 *sector,
			 GError **error)
{
	gboolean is_boot_sector, has_type = FALSE;

	if (!has_boot_sector(disk, &is_boot_sector, error))
		return FALSE;
	if (is_boot_sector)
		return TRUE;
	return vk_mbr_read(table, disk, sector, VK_SECTOR_SIZE, error) &&
	       has_known_type(table, disk, &has_type, error) &&
	       (has_type || read_mbr_of_large_sectors(table, disk, sector, error));
}

/* The copy at the end of the disk is of use if the beginning of the disk is damaged. */
static gboolean read_table(VkPartitionTable *table, VkImage *disk, GError **error)
{
	guint8 sector[VK_SECTOR_SIZE];
	gboolean there;

	if (disk->size < sizeof(sector))
		return TRUE;
	if (!vk_disk_read(disk, 0, sector, sizeof(sector), &there, error))
		return FALSE;
	if (there && !vk_mbr_is_protective(sector))
		return read_mbr(table, disk, sector, error);
	if (!vk_gpt_read(table, disk, error))
		return FALSE;
	return there || table->kind != VK_TABLE_GPT_DAMAGED ||
	       vk_fail(error, VK_ERROR_DAMAGE, "its first sector is damaged");
}

VkPartitionTable *vk_partition_table_read(VkImage *disk, GError **error)
{
	g_autoptr(VkPartitionTable) table = new_table();

	if (!read_table(table, disk, error))
		return NULL;
	leave_out_overlaps(table);
	return g_steal_pointer(&table);
}

void vk_partition_table_free(VkPartitionTable *table)
{
	if (!table)
		return;
	g_array_unref(table->partitions);
	g_free(table);
}

const char *vk_table_kind_text(VkTableKind kind)
{
	static const char *const texts[] = {
		[VK_TABLE_NONE] = "none",
		[VK_TABLE_MBR] = "mbr",
		[VK_TABLE_GPT] = "gpt",
		[VK_TABLE_GPT_BACKUP] = "gpt, from its backup",
		[VK_TABLE_GPT_DAMAGED] = "gpt, damaged",
	};

	return texts[kind];
}
