/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTree: the mounted view of one state of the catalogue, as nodes with inode numbers. It knows no
 * FUSE. Immutable; a changed catalogue gets a new tree, in which what stayed has the same number.
 * Building it opens nothing but what the caller's usable() opens; a snapshot's files are loaded
 * when they are first read. Threads: free, but for new and free.
 *
 *   guests/<guest>/<TIME>/<file>       guests/<guest>/latest -> <TIME>
 *   guests/<guest>/<TIME>/<disk>.parts/<partition>
 *   times/<TIME>/<guest> -> ../../guests/<guest>/<TIME>
 */
#pragma once

#include "attributes.h"
#include "catalog.h"
#include "file.h"
#include "inode.h"
#include "view-cache.h"

#include <glib.h>

typedef struct VkTree VkTree;

typedef enum { VK_NODE_DIRECTORY, VK_NODE_LINK, VK_NODE_FILE } VkNodeType;

typedef struct VkNode {
	guint64 ino;
	VkNodeType type;
	guint64 size;      /* bytes */
	guint64 allocated; /* bytes */
	gint64 time;       /* seconds since 1970, of the snapshot */
	guint links;
	gboolean may_change; /* its size and content, at any time: not to be remembered */
} VkNode;

static inline gboolean vk_node_equal(const VkNode *a, const VkNode *b)
{
	return a->ino == b->ino && a->type == b->type && a->size == b->size &&
	       a->allocated == b->allocated && a->time == b->time && a->links == b->links;
}

typedef struct VkTreeEntry {
	char *name;
	VkNode node;
} VkTreeEntry;

/* Something that a reader of the old tree has to forget. */
typedef struct VkTreeChange {
	guint64 ino; /* whose attributes or link target changed; with a name: the directory */
	char *name;  /* appeared, vanished or became something else; NULL */
} VkTreeChange;

/*
 * Whether the snapshot is to be shown. Asked from the newest snapshot of a guest to its oldest;
 * IS_LATEST as long as no newer one was usable, because `latest` must lead to a readable snapshot.
 */
typedef gboolean (*VkTreeUsable)(void *data, const VkSnapshotKey *key, gboolean is_latest);

/*
 * GUESTS: VkCatalogGuest, borrowed for the call. INODES remembers the numbers from tree to tree.
 * CACHE is borrowed until the free. USABLE NULL: all are.
 */
VkTree *vk_tree_new(const GPtrArray *guests, VkInodes *inodes, VkViewCache *cache,
		    VkTreeUsable usable, void *data);
void vk_tree_free(VkTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkTree, vk_tree_free)

/* How many nodes the tree has without the files of snapshots. */
guint64 vk_tree_count(const VkTree *tree);

/* In all these calls VK_ERROR_NOT_FOUND means that the tree does not have the node or name. */
gboolean vk_tree_stat(const VkTree *tree, guint64 ino, VkNode *ret, GError **error);
gboolean vk_tree_lookup(const VkTree *tree, guint64 parent, const char *name, VkNode *ret,
			GError **error);

/* "." and ".." first. New array of VkTreeEntry, which it owns. */
GArray *vk_tree_list(const VkTree *tree, guint64 ino, GError **error);

/* New string. */
char *vk_tree_read_link(const VkTree *tree, guint64 ino, GError **error);
VkFile *vk_tree_open(const VkTree *tree, guint64 ino, GError **error);

/* The extended attributes of INO, none if it does not belong to a snapshot. New array. */
GArray *vk_tree_attributes(const VkTree *tree, guint64 ino, GError **error);

/* The snapshot that INO is or belongs to, or NULL. Borrowed. */
const VkSnapshotKey *vk_tree_snapshot(const VkTree *tree, guint64 ino);

/* New array of VkTreeChange, which it owns. The attributes of a directory come after its names. */
GArray *vk_tree_diff(const VkTree *before, const VkTree *after);
