/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of VkTree, for tree.c, which answers, tree-build.c and tree-diff.c. Threads: as of
 * tree.h.
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
