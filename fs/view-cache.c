/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view-cache.h"

struct VkShelfView {
	gatomicrefcount references;
	char *name;
	VkView *view;
	GList link; /* in the shelf's order; guarded by the shelf's lock */
};

struct VkShelf {
	VkShelfLoad load;
	void *data;
	guint limit;
	GMutex lock;
	GHashTable *views; /* name -> VkShelfView, one reference each */
	GQueue order;      /* the same, last used first */
};

VkShelf *vk_shelf_new(VkShelfLoad load, void *data, guint limit)
{
	VkShelf *shelf = g_new0(VkShelf, 1);

	shelf->load = load;
	shelf->data = data;
	shelf->limit = limit;
	g_mutex_init(&shelf->lock);
	shelf->views = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
					     (GDestroyNotify)vk_shelf_view_unref);
	g_queue_init(&shelf->order);
	return shelf;
}

void vk_shelf_free(VkShelf *shelf)
{
	if (!shelf)
		return;
	g_hash_table_unref(shelf->views);
	g_mutex_clear(&shelf->lock);
	g_free(shelf);
}

VkView *vk_shelf_view(VkShelfView *held)
{
	return held->view;
}

VkShelfView *vk_shelf_view_ref(VkShelfView *held)
{
	g_atomic_ref_count_inc(&held->references);
	return held;
}

void vk_shelf_view_unref(VkShelfView *held)
{
	if (!held || !g_atomic_ref_count_dec(&held->references))
		return;
	vk_view_free(held->view);
	g_free(held->name);
	g_free(held);
}

static VkShelfView *find_locked(VkShelf *shelf, const char *name)
{
	VkShelfView *held = g_hash_table_lookup(shelf->views, name);

	if (!held)
		return NULL;
	g_queue_unlink(&shelf->order, &held->link);
	g_queue_push_head_link(&shelf->order, &held->link);
	return vk_shelf_view_ref(held);
}

/* Returns what must be given back without the lock, or NULL. */
static VkShelfView *put_locked(VkShelf *shelf, VkShelfView *held)
{
	VkShelfView *oldest = NULL;

	g_hash_table_insert(shelf->views, held->name, vk_shelf_view_ref(held));
	g_queue_push_head_link(&shelf->order, &held->link);
	if (shelf->order.length > shelf->limit) {
		oldest = g_queue_peek_tail(&shelf->order);
		g_queue_unlink(&shelf->order, &oldest->link);
		g_hash_table_steal(shelf->views, oldest->name);
	}
	return oldest;
}

VkShelfView *vk_shelf_get(VkShelf *shelf, const VkSnapshotKey *key, GError **error)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);
	g_autoptr(VkShelfView) dropped = NULL;
	VkShelfView *held;
	VkView *view;

	g_mutex_lock(&shelf->lock);
	held = find_locked(shelf, name);
	g_mutex_unlock(&shelf->lock);
	if (held)
		return held;
	view = shelf->load(shelf->data, key, error);
	if (!view)
		return NULL;

	held = g_new0(VkShelfView, 1);
	g_atomic_ref_count_init(&held->references);
	held->name = g_steal_pointer(&name);
	held->view = view;
	held->link.data = held;
	g_mutex_lock(&shelf->lock);
	/* Two threads may have loaded it at once: the first one's is kept. */
	dropped = held;
	held = find_locked(shelf, dropped->name);
	if (!held) {
		held = dropped;
		dropped = put_locked(shelf, held);
	}
	g_mutex_unlock(&shelf->lock);
	return held;
}
