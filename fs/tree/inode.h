/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkInodes: inode numbers made from the stored identities of guests and snapshots, which are never
 * used twice. The same vault gives the same numbers after a remount and on another host; within a
 * mount a number, once given, stays with its identity even when that goes. Threads: one at a time.
 *
 *   63   62..60   59..12                       11..0
 *   0    kind     hash of the identity         a place in the snapshot, from 1; else 0
 *
 * The places of files are those in the view. The places of partitions have rows with one place for
 * each disk: the first row is the disks' directories, the next one their first partitions, and so
 * on.
 */
#pragma once

#include <glib.h>

#define VK_INODE_ROOT   1u /* what FUSE demands */
#define VK_INODE_GUESTS 2u
#define VK_INODE_TIMES  3u

#define VK_INODE_HASH_BITS  48u
#define VK_INODE_PLACES_MAX 4095u

typedef enum {
	VK_INODE_FIXED,    /* the three above */
	VK_INODE_GUEST,    /* guests/<guest> */
	VK_INODE_LATEST,   /* guests/<guest>/latest */
	VK_INODE_TIME,     /* times/<TIME>; the number is the time in seconds */
	VK_INODE_SNAPSHOT, /* guests/<guest>/<TIME>, and the files below it */
	VK_INODE_LINK,     /* times/<TIME>/<guest> */
	VK_INODE_PARTS,    /* guests/<guest>/<TIME>/<disk>.parts, and the partitions below it */
} VkInodeKind;

typedef struct VkInodes VkInodes;

/* HASH_BITS is VK_INODE_HASH_BITS; tests take fewer to provoke collisions. */
VkInodes *vk_inodes_new(guint hash_bits);
void vk_inodes_free(VkInodes *inodes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkInodes, vk_inodes_free)

/*
 * The number of IDENTITY as a guest or a snapshot. Of two identities with one hash, the one that
 * is asked for first gets the number and the other the next free one.
 */
guint64 vk_inodes_get(VkInodes *inodes, VkInodeKind kind, const char *identity);

static inline VkInodeKind vk_inode_kind(guint64 ino)
{
	return (VkInodeKind)(ino >> 60);
}

/* The same guest's or snapshot's number as another kind, and without a place. */
static inline guint64 vk_inode_as(guint64 ino, VkInodeKind kind)
{
	return (guint64)kind << 60 | (ino & 0x0ffffffffffff000);
}

static inline guint vk_inode_place(guint64 ino)
{
	return ino & VK_INODE_PLACES_MAX;
}

static inline guint64 vk_inode_of_time(gint64 seconds)
{
	return (guint64)VK_INODE_TIME << 60 | ((guint64)seconds & 0x0fffffffffffffff);
}
