/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNodes: the nodes of a mounted tree that the kernel knows, each by a number that is never used
 * again, and by its name in its directory. The kernel counts what it is told of a node, and forgets
 * it at some time; its directory stays as long. Threads: free.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>

/* The number of the top directory, which is always there. */
#define VK_NODES_ROOT 1

typedef struct VkNodes VkNodes;

/* Paths begin with TOP: "/srv", or "" for all. */
VkNodes *vk_nodes_new(const char *top, const struct stat *st);
void vk_nodes_free(VkNodes *nodes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNodes, vk_nodes_free)

/* What has to be known of a node without asking for it. */
typedef struct VkNodeFacts {
	mode_t mode;
	guint64 size; /* of a regular file; bytes */
} VkNodeFacts;

/* The node NAME of the directory PARENT is told to the kernel. Returns its number. */
guint64 vk_nodes_tell(VkNodes *nodes, guint64 parent, const char *name, const struct stat *st);

/* The kernel forgets COUNT of the times that it was told of it. */
void vk_nodes_forget(VkNodes *nodes, guint64 number, guint64 count);

/* The path of a node, or with NAME (nullable) of that in it. New string; NULL: no such node. */
char *vk_nodes_path(VkNodes *nodes, guint64 number, const char *name);

/* FALSE: no such node. */
gboolean vk_nodes_facts(VkNodes *nodes, guint64 number, VkNodeFacts *ret);

guint vk_nodes_count(VkNodes *nodes);
