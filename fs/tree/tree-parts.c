/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directories of partitions, below a snapshot.
 */
#include "tree-priv.h"

#include <string.h>

static guint64 place_of(const VkTreeSnapshot *snapshot, const VkParts *parts, guint disk, guint row)
{
	guint place = row * vk_parts_disks(parts) + disk + 1;

	return vk_inode_as(snapshot->ino, VK_INODE_PARTS) | place;
}

/* How many partitions of each disk have a place. */
static guint rows_of(const VkParts *parts)
{
	guint places = VK_INODE_PLACES_MAX / MAX(vk_parts_disks(parts), 1);

	return places > 0 ? places - 1 : 0;
}

/* What INO stands for: a disk, and its directory (row 0) or a partition. */
static gboolean find_place(const VkParts *parts, guint64 ino, guint *ret_disk, guint *ret_row)
{
	guint disks = vk_parts_disks(parts);
	guint place = vk_inode_place(ino);

	if (place == 0 || disks == 0)
		return FALSE;
	*ret_disk = (place - 1) % disks;
	*ret_row = (place - 1) / disks;
	return *ret_row <= rows_of(parts);
}

static void directory_node(const VkTreeSnapshot *snapshot, const VkParts *parts, guint disk,
			   VkNode *ret)
{
	vk_tree_set_node(ret, place_of(snapshot, parts, disk, 0), VK_NODE_DIRECTORY,
			 snapshot->time);
}

static void part_node(const VkTreeSnapshot *snapshot, const VkParts *parts, guint disk, guint row,
		      const VkPart *part, VkNode *ret)
{
	vk_tree_set_node(ret, place_of(snapshot, parts, disk, row), VK_NODE_FILE, snapshot->time);
	ret->size = part->size;
	ret->allocated = part->allocated;
}

void vk_tree_list_disks(const VkTreeSnapshot *snapshot, VkCachedView *cached, GArray *entries)
{
	const VkParts *parts = vk_cached_view_parts(cached);

	for (guint i = 0; rows_of(parts) > 0 && i < vk_parts_disks(parts); i++) {
		g_autofree char *name = vk_parts_directory(parts, i);
		VkNode node;

		/* A file of the snapshot has the name. */
		if (vk_view_find(vk_cached_view(cached), name))
			continue;
		directory_node(snapshot, parts, i, &node);
		vk_tree_add_entry(entries, name, &node);
	}
}

gboolean vk_tree_lookup_disk(const VkTreeSnapshot *snapshot, VkCachedView *cached, const char *name,
			     VkNode *ret, GError **error)
{
	const VkParts *parts = vk_cached_view_parts(cached);

	for (guint i = 0; rows_of(parts) > 0 && i < vk_parts_disks(parts); i++) {
		g_autofree char *directory = vk_parts_directory(parts, i);

		if (strcmp(directory, name) == 0) {
			directory_node(snapshot, parts, i, ret);
			return TRUE;
		}
	}
	return vk_tree_fail_name(name, error);
}

gboolean vk_tree_stat_part(const VkTreeSnapshot *snapshot, VkCachedView *cached, guint64 ino,
			   VkNode *ret, GError **error)
{
	VkParts *parts = vk_cached_view_parts(cached);
	const GArray *list;
	guint disk, row;

	if (!find_place(parts, ino, &disk, &row))
		return vk_tree_fail_stale(ino, error);
	if (row == 0) {
		directory_node(snapshot, parts, disk, ret);
		return TRUE;
	}
	list = vk_parts_list(parts, disk, error);
	if (!list)
		return FALSE;
	if (row > list->len)
		return vk_tree_fail_stale(ino, error);
	part_node(snapshot, parts, disk, row, &g_array_index(list, VkPart, row - 1), ret);
	return TRUE;
}

gboolean vk_tree_lookup_part(const VkTreeSnapshot *snapshot, VkCachedView *cached, guint64 parent,
			     const char *name, VkNode *ret, GError **error)
{
	VkParts *parts = vk_cached_view_parts(cached);
	const GArray *list;
	guint disk, row;

	if (!find_place(parts, parent, &disk, &row) || row > 0)
		return vk_tree_fail_stale(parent, error);
	list = vk_parts_list(parts, disk, error);
	if (!list)
		return FALSE;
	for (guint i = 0; i < list->len && i < rows_of(parts); i++) {
		const VkPart *part = &g_array_index(list, VkPart, i);

		if (strcmp(part->name, name) == 0) {
			part_node(snapshot, parts, disk, i + 1, part, ret);
			return TRUE;
		}
	}
	return vk_tree_fail_name(name, error);
}

gboolean vk_tree_list_parts(const VkTreeSnapshot *snapshot, VkCachedView *cached, guint64 ino,
			    GArray *entries, GError **error)
{
	VkParts *parts = vk_cached_view_parts(cached);
	const GArray *list;
	guint disk, row;

	if (!find_place(parts, ino, &disk, &row) || row > 0)
		return vk_tree_fail_stale(ino, error);
	list = vk_parts_list(parts, disk, error);
	for (guint i = 0; list && i < list->len && i < rows_of(parts); i++) {
		const VkPart *part = &g_array_index(list, VkPart, i);
		VkNode node;

		part_node(snapshot, parts, disk, i + 1, part, &node);
		vk_tree_add_entry(entries, part->name, &node);
	}
	return list != NULL;
}

VkFile *vk_tree_open_part(VkCachedView *cached, guint64 ino, GError **error)
{
	guint disk, row;

	if (!find_place(vk_cached_view_parts(cached), ino, &disk, &row) || row == 0) {
		vk_tree_fail_stale(ino, error);
		return NULL;
	}
	return vk_file_open_partition(cached, disk, row - 1, error);
}

const VkDiskRecord *vk_tree_disk_of_part(VkCachedView *cached, guint64 ino)
{
	const VkParts *parts = vk_cached_view_parts(cached);
	guint disk, row;

	return find_place(parts, ino, &disk, &row) ? vk_parts_disk(parts, disk)->disk : NULL;
}
