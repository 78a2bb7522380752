/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nodes.h"

#include <string.h>

typedef struct Node Node;

struct Node {
	guint64 number;
	Node *parent;   /* NULL: the top */
	guint64 told;   /* times */
	guint children; /* that are here */
	VkNodeFacts facts;
	char name[];
};

struct VkNodes {
	GMutex lock;
	guint64 last;          /* the highest number that was given */
	GHashTable *by_number; /* Node by its number; owns */
	GHashTable *by_name;   /* Node, by its parent and name; a set, borrowed */
	Node *top;             /* its name is the path where all begins */
};

static guint hash_name(gconstpointer key)
{
	const Node *node = key;

	return g_str_hash(node->name) * 31 + (guint)node->parent->number;
}

static gboolean is_same_name(gconstpointer left, gconstpointer right)
{
	const Node *one = left, *other = right;

	return one->parent == other->parent && strcmp(one->name, other->name) == 0;
}

static Node *new_node(Node *parent, const char *name, const struct stat *st)
{
	gsize length = strlen(name) + 1;
	Node *node = g_malloc0(sizeof(*node) + length);

	node->parent = parent;
	node->facts = (VkNodeFacts){.mode = st->st_mode, .size = (guint64)st->st_size};
	memcpy(node->name, name, length);
	return node;
}

VkNodes *vk_nodes_new(const char *top, const struct stat *st)
{
	VkNodes *nodes = g_new0(VkNodes, 1);

	g_mutex_init(&nodes->lock);
	nodes->by_number = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	nodes->by_name = g_hash_table_new(hash_name, is_same_name);
	nodes->top = new_node(NULL, top, st);
	nodes->top->number = nodes->last = VK_NODES_ROOT;
	g_hash_table_insert(nodes->by_number, &nodes->top->number, nodes->top);
	return nodes;
}

void vk_nodes_free(VkNodes *nodes)
{
	if (!nodes)
		return;
	g_hash_table_unref(nodes->by_name);
	g_hash_table_unref(nodes->by_number);
	g_mutex_clear(&nodes->lock);
	g_free(nodes);
}

static Node *find(VkNodes *nodes, guint64 number)
{
	return g_hash_table_lookup(nodes->by_number, &number);
}

/* The node of that name, new if it was not there. */
static Node *enter(VkNodes *nodes, Node *parent, const char *name, const struct stat *st)
{
	Node *fresh = new_node(parent, name, st);
	Node *node = g_hash_table_lookup(nodes->by_name, fresh);

	if (node) {
		g_free(fresh);
		return node;
	}
	fresh->number = ++nodes->last;
	parent->children++;
	g_hash_table_add(nodes->by_name, fresh);
	g_hash_table_insert(nodes->by_number, &fresh->number, fresh);
	return fresh;
}

guint64 vk_nodes_tell(VkNodes *nodes, guint64 parent, const char *name, const struct stat *st)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&nodes->lock);
	Node *directory = find(nodes, parent);
	Node *node = directory ? enter(nodes, directory, name, st) : NULL;

	if (!node)
		return 0;
	node->told++;
	return node->number;
}

/* Removes it, and those above it that nothing needs any more. */
static void remove_unneeded(VkNodes *nodes, Node *node)
{
	while (node != nodes->top && node->told == 0 && node->children == 0) {
		Node *parent = node->parent;

		g_hash_table_remove(nodes->by_name, node);
		g_hash_table_remove(nodes->by_number, &node->number);
		parent->children--;
		node = parent;
	}
}

void vk_nodes_forget(VkNodes *nodes, guint64 number, guint64 count)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&nodes->lock);
	Node *node = find(nodes, number);

	if (!node || node == nodes->top)
		return;
	node->told -= MIN(count, node->told);
	remove_unneeded(nodes, node);
}

/* Writes TEXT so that it ends before END. Returns where it begins. */
static char *write_before(char *end, const char *text)
{
	char *begin = end - strlen(text);

	memmove(begin, text, end - begin);
	return begin;
}

char *vk_nodes_path(VkNodes *nodes, guint64 number, const char *name)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&nodes->lock);
	const Node *node = find(nodes, number);
	gsize length = name ? strlen(name) + 1 : 0;
	char *path, *at;

	if (!node)
		return NULL;
	for (const Node *here = node; here; here = here->parent)
		length += strlen(here->name) + (here->parent != NULL);
	path = g_malloc(length + 1);
	at = path + length;
	*at = '\0';
	if (name)
		at = write_before(write_before(at, name), "/");
	for (; node; node = node->parent)
		at = write_before(write_before(at, node->name), node->parent ? "/" : "");
	return path;
}

gboolean vk_nodes_facts(VkNodes *nodes, guint64 number, VkNodeFacts *ret)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&nodes->lock);
	const Node *node = find(nodes, number);

	if (node)
		*ret = node->facts;
	return node != NULL;
}

guint vk_nodes_count(VkNodes *nodes)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&nodes->lock);

	return g_hash_table_size(nodes->by_number);
}
