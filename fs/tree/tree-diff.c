/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The differences between two trees.
 */
#include "tree-priv.h"

static void clear_change(VkTreeChange *change)
{
	g_free(change->name);
}

static void add_change(GArray *changes, guint64 ino, const char *name)
{
	VkTreeChange change = {.ino = ino, .name = g_strdup(name)};

	g_array_append_val(changes, change);
}

static gboolean same_target(const VkTree *before, const VkTree *after, guint64 ino)
{
	g_autofree char *old = vk_tree_read_link(before, ino, NULL);
	g_autofree char *new = vk_tree_read_link(after, ino, NULL);

	return g_strcmp0(old, new) == 0;
}

/*
 * What FROM's directory INO says otherwise than TO. Backwards (FROM being the newer tree) only the
 * names that TO does not have are of interest, the rest was found on the way forth.
 */
static void diff_directory(const VkTree *from, const VkTree *to, guint64 ino, gboolean back,
			   GArray *changes)
{
	g_autoptr(GArray) entries = vk_tree_list(from, ino, NULL);
	gboolean changed = FALSE;

	for (guint i = 0; entries && i < entries->len; i++) {
		const VkTreeEntry *entry = &g_array_index(entries, VkTreeEntry, i);
		VkNode other;

		if (entry->name[0] == '.' && i < 2)
			continue;
		if (!vk_tree_lookup(to, ino, entry->name, &other, NULL) ||
		    (!back && other.ino != entry->node.ino)) {
			add_change(changes, ino, entry->name);
			changed = TRUE;
		} else if (!back && entry->node.type == VK_NODE_LINK &&
			   !same_target(from, to, other.ino)) {
			add_change(changes, other.ino, NULL);
		} else if (!back && !vk_node_equal(&entry->node, &other)) {
			add_change(changes, other.ino, NULL);
		}
	}
	if (changed)
		add_change(changes, ino, NULL);
}

static void diff_one_way(const VkTree *from, const VkTree *to, gboolean back, GArray *changes)
{
	diff_directory(from, to, VK_INODE_ROOT, back, changes);
	diff_directory(from, to, VK_INODE_GUESTS, back, changes);
	diff_directory(from, to, VK_INODE_TIMES, back, changes);
	for (guint i = 0; i < from->guests->len; i++) {
		const VkTreeGuest *guest = g_ptr_array_index(from->guests, i);

		diff_directory(from, to, guest->ino, back, changes);
	}
	for (guint i = 0; i < from->times->len; i++) {
		const VkTreeTime *when = g_ptr_array_index(from->times, i);

		diff_directory(from, to, when->ino, back, changes);
	}
}

GArray *vk_tree_diff(const VkTree *before, const VkTree *after)
{
	GArray *changes = g_array_new(FALSE, FALSE, sizeof(VkTreeChange));

	g_array_set_clear_func(changes, (GDestroyNotify)clear_change);
	if (before->newest != after->newest)
		add_change(changes, VK_INODE_ROOT, NULL);
	diff_one_way(before, after, FALSE, changes);
	diff_one_way(after, before, TRUE, changes);
	return changes;
}
