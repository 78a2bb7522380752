/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The extended attributes of the nodes of a snapshot.
 */
#include "tree-priv.h"

/* The disk that INO is, or whose partitions it is for; NULL: none. */
static const VkDiskRecord *disk_of(VkCachedView *cached, guint64 ino)
{
	const GPtrArray *files = vk_view_files(vk_cached_view(cached));
	guint place = vk_inode_place(ino);
	const VkViewFile *file;

	if (vk_inode_kind(ino) == VK_INODE_PARTS)
		return vk_tree_disk_of_part(cached, ino);
	if (place == 0 || place > files->len)
		return NULL;
	file = g_ptr_array_index(files, place - 1);
	return file->disk;
}

GArray *vk_tree_attributes(const VkTree *tree, guint64 ino, GError **error)
{
	const VkSnapshotKey *key = vk_tree_snapshot(tree, ino);
	g_autoptr(VkCachedView) cached = NULL;

	if (!key || vk_inode_kind(ino) == VK_INODE_LINK)
		return g_array_new(FALSE, FALSE, sizeof(VkAttribute));
	cached = vk_view_cache_get(tree->cache, key, error);
	if (!cached)
		return NULL;
	return vk_attributes_new(vk_view_snapshot(vk_cached_view(cached)), disk_of(cached, ino));
}
