/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inodes.h"

/* Bits of a number that are the guest's. No file system has more, as long as it is below 64 PiB. */
#define INODE_BITS  48
#define INODE_MASK  (((guint64)1 << INODE_BITS) - 1)
#define DEVICES_MAX ((guint)G_MAXUINT16 + 1)

struct VkInodes {
	GMutex lock;
	GHashTable *devices; /* the index of each, by its number (guint64) */
};

VkInodes *vk_inodes_new(void)
{
	VkInodes *inodes = g_new0(VkInodes, 1);

	g_mutex_init(&inodes->lock);
	inodes->devices = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return inodes;
}

void vk_inodes_free(VkInodes *inodes)
{
	if (!inodes)
		return;
	g_hash_table_unref(inodes->devices);
	g_mutex_clear(&inodes->lock);
	g_free(inodes);
}

/* Only a hostile guest has too many; some of them share an index then. */
static guint64 index_of(VkInodes *inodes, guint64 device)
{
	guint count = g_hash_table_size(inodes->devices);
	gpointer index;

	if (g_hash_table_lookup_extended(inodes->devices, &device, NULL, &index))
		return GPOINTER_TO_UINT(index);
	if (count == DEVICES_MAX)
		return DEVICES_MAX - 1;
	g_hash_table_insert(inodes->devices, g_memdup2(&device, sizeof(device)),
			    GUINT_TO_POINTER(count));
	return count;
}

guint64 vk_inodes_number(VkInodes *inodes, guint64 device, guint64 inode)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&inodes->lock);

	return index_of(inodes, device) << INODE_BITS |
	       ((inode ^ inode >> INODE_BITS) & INODE_MASK);
}
