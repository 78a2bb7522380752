/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building a tree from the catalogue.
 */
#include "tree-priv.h"

#include "timestamp.h"

#include <string.h>

static VkSnapshotKey *copy_key(const VkSnapshotKey *key)
{
	VkSnapshotKey *copy = g_new0(VkSnapshotKey, 1);

	copy->uuid = g_strdup(key->uuid);
	copy->time = g_strdup(key->time);
	copy->id = g_strdup(key->id);
	return copy;
}

static void free_snapshot(VkTreeSnapshot *snapshot)
{
	g_free(snapshot->name);
	vk_snapshot_key_free(snapshot->key);
	g_free(snapshot);
}

static void free_guest(VkTreeGuest *guest)
{
	g_hash_table_unref(guest->by_name);
	g_ptr_array_unref(guest->snapshots);
	g_free(guest->name);
	g_free(guest);
}

static void free_time(VkTreeTime *when)
{
	g_ptr_array_unref(when->snapshots);
	g_free(when->name);
	g_free(when);
}

static VkTreeSnapshot *new_snapshot(VkInodes *inodes, const VkSnapshotKey *key, gint64 seconds)
{
	g_autofree char *identity = vk_snapshot_key_object(key->uuid, key->time, key->id);
	VkTreeSnapshot *snapshot = g_new0(VkTreeSnapshot, 1);

	snapshot->ino = vk_inodes_get(inodes, VK_INODE_SNAPSHOT, identity);
	snapshot->key = copy_key(key);
	snapshot->time = seconds;
	return snapshot;
}

/* Names GUEST's snapshots, oldest first, and makes them known to TREE. */
static void take_snapshots(VkTree *tree, VkTreeGuest *guest)
{
	for (guint i = 0; i < guest->snapshots->len; i++) {
		VkTreeSnapshot *snapshot = g_ptr_array_index(guest->snapshots, i);

		snapshot->guest = guest;
		snapshot->name = g_strdup(snapshot->key->time);
		if (g_hash_table_contains(guest->by_name, snapshot->name)) {
			g_free(snapshot->name);
			snapshot->name =
				g_strdup_printf("%s~%.8s", snapshot->key->time, snapshot->key->id);
		}
		g_hash_table_insert(guest->by_name, snapshot->name, snapshot);
		g_hash_table_insert(tree->by_ino, &snapshot->ino, snapshot);
		tree->newest = MAX(tree->newest, snapshot->time);
		tree->n_snapshots++;
	}
}

static void add_guest(VkTree *tree, const VkCatalogGuest *from, VkInodes *inodes,
		      VkTreeUsable usable, void *data)
{
	VkTreeGuest *guest = g_new0(VkTreeGuest, 1);

	guest->ino = vk_inodes_get(inodes, VK_INODE_GUEST, from->uuid);
	guest->name = g_strdup(from->view_name);
	guest->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)free_snapshot);
	guest->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = from->keys->len; i > 0; i--) {
		const VkSnapshotKey *key = g_ptr_array_index(from->keys, i - 1);
		gint64 seconds;

		if (!vk_time_parse(key->time, &seconds, NULL))
			continue;
		if (usable && !usable(data, key, guest->snapshots->len == 0))
			continue;
		g_ptr_array_insert(guest->snapshots, 0, new_snapshot(inodes, key, seconds));
	}
	take_snapshots(tree, guest);
	g_ptr_array_add(tree->guests, guest);
	g_hash_table_insert(tree->guests_by_name, guest->name, guest);
	g_hash_table_insert(tree->by_ino, &guest->ino, guest);
}

static int by_time(gconstpointer a, gconstpointer b)
{
	const VkTreeTime *left = *(VkTreeTime *const *)a;
	const VkTreeTime *right = *(VkTreeTime *const *)b;

	return strcmp(left->name, right->name);
}

static void add_to_time(VkTree *tree, VkTreeSnapshot *snapshot)
{
	VkTreeTime *when = g_hash_table_lookup(tree->times_by_name, snapshot->name);

	/* The second one of a guest in one second is shown by its guest only. */
	if (strcmp(snapshot->name, snapshot->key->time) != 0)
		return;
	if (!when) {
		when = g_new0(VkTreeTime, 1);
		when->ino = vk_inode_of_time(snapshot->time);
		when->name = g_strdup(snapshot->name);
		when->time = snapshot->time;
		when->snapshots = g_ptr_array_new();
		g_ptr_array_add(tree->times, when);
		g_hash_table_insert(tree->times_by_name, when->name, when);
		g_hash_table_insert(tree->by_ino, &when->ino, when);
	}
	g_ptr_array_add(when->snapshots, snapshot);
}

VkTree *vk_tree_new(const GPtrArray *guests, VkInodes *inodes, VkViewCache *cache,
		    VkTreeUsable usable, void *data)
{
	VkTree *tree = g_new0(VkTree, 1);

	tree->cache = cache;
	tree->guests = g_ptr_array_new_with_free_func((GDestroyNotify)free_guest);
	tree->times = g_ptr_array_new_with_free_func((GDestroyNotify)free_time);
	tree->guests_by_name = g_hash_table_new(g_str_hash, g_str_equal);
	tree->times_by_name = g_hash_table_new(g_str_hash, g_str_equal);
	tree->by_ino = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (guint i = 0; i < guests->len; i++)
		add_guest(tree, g_ptr_array_index(guests, i), inodes, usable, data);
	for (guint i = 0; i < tree->guests->len; i++) {
		const VkTreeGuest *guest = g_ptr_array_index(tree->guests, i);

		for (guint j = 0; j < guest->snapshots->len; j++)
			add_to_time(tree, g_ptr_array_index(guest->snapshots, j));
	}
	g_ptr_array_sort(tree->times, by_time);
	return tree;
}

void vk_tree_free(VkTree *tree)
{
	if (!tree)
		return;
	g_hash_table_unref(tree->by_ino);
	g_hash_table_unref(tree->times_by_name);
	g_hash_table_unref(tree->guests_by_name);
	g_ptr_array_unref(tree->times);
	g_ptr_array_unref(tree->guests);
	g_free(tree);
}
