/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of VkTree, for the files that begin with its name.
 * Threads: as of tree.h.
 */
#pragma once

#include "tree.h"

typedef struct VkTreeGuest VkTreeGuest;

typedef struct VkTreeSnapshot {
	guint64 ino;
	char *name; /* TIME, or "TIME~<id 8>" for the second one of a guest in one second */
	gint64 time;
	VkSnapshotKey *key;
	const VkTreeGuest *guest;
} VkTreeSnapshot;

struct VkTreeGuest {
	guint64 ino;
	char *name;
	GPtrArray *snapshots; /* VkTreeSnapshot, oldest first, owned */
	GHashTable *by_name;  /* the same */
};

typedef struct VkTreeTime {
	guint64 ino;
	char *name;
	gint64 time;
	GPtrArray *snapshots; /* VkTreeSnapshot of that name, ordered by guest, borrowed */
} VkTreeTime;

struct VkTree {
	VkViewCache *cache;
	GPtrArray *guests; /* VkTreeGuest, owned */
	GPtrArray *times;  /* VkTreeTime, oldest first, owned */
	GHashTable *guests_by_name;
	GHashTable *times_by_name;
	GHashTable *by_ino; /* VkTreeGuest, VkTreeSnapshot, VkTreeTime by their number */
	gint64 newest;      /* of all snapshots; 0 without any */
	guint64 n_snapshots;
};

/* What all nodes have; a directory has two links at first. */
void vk_tree_set_node(VkNode *node, guint64 ino, VkNodeType type, gint64 when);
void vk_tree_add_entry(GArray *entries, const char *name, const VkNode *node);
gboolean vk_tree_fail_stale(guint64 ino, GError **error);
gboolean vk_tree_fail_name(const char *name, GError **error);

/*
 * The directories of partitions in the directory of SNAPSHOT, whose view is CACHED. They are there
 * for every disk, because nobody has looked for partitions yet.
 */
void vk_tree_list_disks(const VkTreeSnapshot *snapshot, VkCachedView *cached, GArray *entries);
gboolean vk_tree_lookup_disk(const VkTreeSnapshot *snapshot, VkCachedView *cached, const char *name,
			     VkNode *ret, GError **error);

/* The same calls as in tree.h, with a number of VK_INODE_PARTS. */
gboolean vk_tree_stat_part(const VkTreeSnapshot *snapshot, VkCachedView *cached, guint64 ino,
			   VkNode *ret, GError **error);
gboolean vk_tree_lookup_part(const VkTreeSnapshot *snapshot, VkCachedView *cached, guint64 parent,
			     const char *name, VkNode *ret, GError **error);
gboolean vk_tree_list_parts(const VkTreeSnapshot *snapshot, VkCachedView *cached, guint64 ino,
			    GArray *entries, GError **error);
/* The disk that INO belongs to; NULL: none. Borrowed. */
const VkDiskRecord *vk_tree_disk_of_part(VkCachedView *cached, guint64 ino);
VkFile *vk_tree_open_part(VkCachedView *cached, guint64 ino, GError **error);
