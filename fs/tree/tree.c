/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree-priv.h"

#include "errors.h"
#include "timestamp.h"

#include <string.h>

void vk_tree_set_node(VkNode *node, guint64 ino, VkNodeType type, gint64 when)
{
	*node = (VkNode){.ino = ino, .type = type, .time = when, .links = 1};
	if (type == VK_NODE_DIRECTORY)
		node->links = 2;
}

static void fixed_node(const VkTree *tree, guint64 ino, VkNode *ret)
{
	vk_tree_set_node(ret, ino, VK_NODE_DIRECTORY, tree->newest);
	if (ino == VK_INODE_ROOT)
		ret->links += 2;
	else if (ino == VK_INODE_GUESTS)
		ret->links += tree->guests->len;
	else
		ret->links += tree->times->len;
}

static const VkTreeSnapshot *guest_latest(const VkTreeGuest *guest)
{
	guint count = guest->snapshots->len;

	return count > 0 ? g_ptr_array_index(guest->snapshots, count - 1) : NULL;
}

static char *link_target(const VkTreeSnapshot *snapshot)
{
	return g_strdup_printf("../../guests/%s/%s", snapshot->guest->name, snapshot->name);
}

static void guest_node(const VkTreeGuest *guest, VkNode *ret)
{
	const VkTreeSnapshot *latest = guest_latest(guest);

	vk_tree_set_node(ret, guest->ino, VK_NODE_DIRECTORY, latest ? latest->time : 0);
	ret->links += guest->snapshots->len;
}

static void latest_node(const VkTreeSnapshot *latest, VkNode *ret)
{
	guint64 guest_ino = latest->guest->ino;

	vk_tree_set_node(ret, vk_inode_as(guest_ino, VK_INODE_LATEST), VK_NODE_LINK, latest->time);
	ret->size = strlen(latest->name);
}

static void snapshot_node(const VkTreeSnapshot *snapshot, VkNode *ret)
{
	vk_tree_set_node(ret, snapshot->ino, VK_NODE_DIRECTORY, snapshot->time);
	/* How many disks it has is not known yet: as on btrfs, 1 says nothing about directories. */
	ret->links = 1;
}

static void time_node(const VkTreeTime *when, VkNode *ret)
{
	vk_tree_set_node(ret, when->ino, VK_NODE_DIRECTORY, when->time);
}

static void link_node(const VkTreeSnapshot *snapshot, VkNode *ret)
{
	g_autofree char *target = link_target(snapshot);

	vk_tree_set_node(ret, vk_inode_as(snapshot->ino, VK_INODE_LINK), VK_NODE_LINK,
			 snapshot->time);
	ret->size = strlen(target);
}

static void file_node(const VkTreeSnapshot *snapshot, guint index, const VkViewFile *file,
		      VkNode *ret)
{
	vk_tree_set_node(ret, snapshot->ino | (index + 1), VK_NODE_FILE, snapshot->time);
	ret->size = file->size;
	ret->allocated = file->allocated;
	ret->may_change = file->may_change;
}

/* The guest, time or snapshot with that number, or whose partitions it is for; or NULL. */
static void *find(const VkTree *tree, guint64 ino)
{
	if (vk_inode_kind(ino) == VK_INODE_PARTS)
		ino = vk_inode_as(ino, VK_INODE_SNAPSHOT);
	return g_hash_table_lookup(tree->by_ino, &ino);
}

static const VkTreeSnapshot *find_snapshot(const VkTree *tree, guint64 ino)
{
	VkInodeKind kind = vk_inode_kind(ino);

	if (kind != VK_INODE_SNAPSHOT && kind != VK_INODE_LINK && kind != VK_INODE_PARTS)
		return NULL;
	return find(tree, vk_inode_as(ino, VK_INODE_SNAPSHOT));
}

gboolean vk_tree_fail_stale(guint64 ino, GError **error)
{
	return vk_fail(error, VK_ERROR_NOT_FOUND, "inode %" G_GUINT64_FORMAT " is gone", ino);
}

gboolean vk_tree_fail_name(const char *name, GError **error)
{
	return vk_fail(error, VK_ERROR_NOT_FOUND, "there is no '%s'", name);
}

const VkSnapshotKey *vk_tree_snapshot(const VkTree *tree, guint64 ino)
{
	const VkTreeSnapshot *snapshot = find_snapshot(tree, ino);

	return snapshot ? snapshot->key : NULL;
}

static gboolean stat_file(const VkTree *tree, const VkTreeSnapshot *snapshot, guint64 ino,
			  VkNode *ret, GError **error)
{
	g_autoptr(VkCachedView) cached = vk_view_cache_get(tree->cache, snapshot->key, error);
	guint index = vk_inode_place(ino) - 1;
	const GPtrArray *files;

	if (!cached)
		return FALSE;
	if (vk_inode_kind(ino) == VK_INODE_PARTS)
		return vk_tree_stat_part(snapshot, cached, ino, ret, error);
	files = vk_view_files(vk_cached_view(cached));
	if (index >= files->len)
		return vk_tree_fail_stale(ino, error);
	file_node(snapshot, index, g_ptr_array_index(files, index), ret);
	return TRUE;
}

gboolean vk_tree_stat(const VkTree *tree, guint64 ino, VkNode *ret, GError **error)
{
	const VkTreeSnapshot *snapshot;
	const VkTreeGuest *guest;
	const VkTreeTime *when;

	switch (vk_inode_kind(ino)) {
	case VK_INODE_FIXED:
		if (ino < VK_INODE_ROOT || ino > VK_INODE_TIMES)
			break;
		fixed_node(tree, ino, ret);
		return TRUE;
	case VK_INODE_GUEST:
		guest = find(tree, ino);
		if (!guest)
			break;
		guest_node(guest, ret);
		return TRUE;
	case VK_INODE_LATEST:
		guest = find(tree, vk_inode_as(ino, VK_INODE_GUEST));
		snapshot = guest ? guest_latest(guest) : NULL;
		if (!snapshot)
			break;
		latest_node(snapshot, ret);
		return TRUE;
	case VK_INODE_TIME:
		when = find(tree, ino);
		if (!when)
			break;
		time_node(when, ret);
		return TRUE;
	case VK_INODE_SNAPSHOT:
		snapshot = find_snapshot(tree, ino);
		if (!snapshot)
			break;
		if (vk_inode_place(ino) > 0)
			return stat_file(tree, snapshot, ino, ret, error);
		snapshot_node(snapshot, ret);
		return TRUE;
	case VK_INODE_LINK:
		snapshot = find_snapshot(tree, ino);
		if (!snapshot)
			break;
		link_node(snapshot, ret);
		return TRUE;
	case VK_INODE_PARTS:
		snapshot = find_snapshot(tree, ino);
		if (!snapshot)
			break;
		return stat_file(tree, snapshot, ino, ret, error);
	}
	return vk_tree_fail_stale(ino, error);
}

static guint64 parent_of(const VkTree *tree, guint64 ino)
{
	const VkTreeSnapshot *snapshot;

	switch (vk_inode_kind(ino)) {
	case VK_INODE_FIXED:
		return VK_INODE_ROOT;
	case VK_INODE_GUEST:
		return VK_INODE_GUESTS;
	case VK_INODE_TIME:
		return VK_INODE_TIMES;
	case VK_INODE_LATEST:
		return vk_inode_as(ino, VK_INODE_GUEST);
	case VK_INODE_SNAPSHOT:
	case VK_INODE_LINK:
	case VK_INODE_PARTS:
		break;
	}
	snapshot = find_snapshot(tree, ino);
	if (!snapshot)
		return VK_INODE_ROOT;
	/* Only directories are asked for it, and those of partitions lie in the snapshot's. */
	if (vk_inode_kind(ino) == VK_INODE_PARTS)
		return snapshot->ino;
	if (vk_inode_kind(ino) == VK_INODE_LINK)
		return vk_inode_of_time(snapshot->time);
	return vk_inode_place(ino) > 0 ? snapshot->ino : snapshot->guest->ino;
}

static gboolean lookup_fixed(const VkTree *tree, guint64 parent, const char *name, VkNode *ret,
			     GError **error)
{
	const VkTreeGuest *guest;
	const VkTreeTime *when;

	if (parent == VK_INODE_ROOT && strcmp(name, "guests") == 0) {
		fixed_node(tree, VK_INODE_GUESTS, ret);
		return TRUE;
	}
	if (parent == VK_INODE_ROOT && strcmp(name, "times") == 0) {
		fixed_node(tree, VK_INODE_TIMES, ret);
		return TRUE;
	}
	guest = parent == VK_INODE_GUESTS ? g_hash_table_lookup(tree->guests_by_name, name) : NULL;
	if (guest) {
		guest_node(guest, ret);
		return TRUE;
	}
	when = parent == VK_INODE_TIMES ? g_hash_table_lookup(tree->times_by_name, name) : NULL;
	if (when) {
		time_node(when, ret);
		return TRUE;
	}
	return vk_tree_fail_name(name, error);
}

static gboolean lookup_guest(const VkTreeGuest *guest, const char *name, VkNode *ret,
			     GError **error)
{
	const VkTreeSnapshot *snapshot = g_hash_table_lookup(guest->by_name, name);

	if (snapshot) {
		snapshot_node(snapshot, ret);
		return TRUE;
	}
	snapshot = guest_latest(guest);
	if (strcmp(name, VK_TIME_LATEST) != 0 || !snapshot)
		return vk_tree_fail_name(name, error);
	latest_node(snapshot, ret);
	return TRUE;
}

static gboolean lookup_time(const VkTree *tree, const VkTreeTime *when, const char *name,
			    VkNode *ret, GError **error)
{
	const VkTreeGuest *guest = g_hash_table_lookup(tree->guests_by_name, name);
	const VkTreeSnapshot *snapshot =
		guest ? g_hash_table_lookup(guest->by_name, when->name) : NULL;

	if (!snapshot)
		return vk_tree_fail_name(name, error);
	link_node(snapshot, ret);
	return TRUE;
}

/* PARENT is the snapshot's directory, or one of its disks' partitions. */
static gboolean lookup_snapshot(const VkTree *tree, const VkTreeSnapshot *snapshot, guint64 parent,
				const char *name, VkNode *ret, GError **error)
{
	g_autoptr(VkCachedView) cached = vk_view_cache_get(tree->cache, snapshot->key, error);
	const GPtrArray *files;

	if (!cached)
		return FALSE;
	if (vk_inode_kind(parent) == VK_INODE_PARTS)
		return vk_tree_lookup_part(snapshot, cached, parent, name, ret, error);
	files = vk_view_files(vk_cached_view(cached));
	for (guint i = 0; i < files->len && i < VK_INODE_PLACES_MAX; i++) {
		const VkViewFile *file = g_ptr_array_index(files, i);

		if (strcmp(file->name, name) == 0) {
			file_node(snapshot, i, file, ret);
			return TRUE;
		}
	}
	return vk_tree_lookup_disk(snapshot, cached, name, ret, error);
}

gboolean vk_tree_lookup(const VkTree *tree, guint64 parent, const char *name, VkNode *ret,
			GError **error)
{
	const void *place;

	/* These two come from NFS servers, which know a directory by its number only. */
	if (strcmp(name, ".") == 0)
		return vk_tree_stat(tree, parent, ret, error);
	if (strcmp(name, "..") == 0)
		return vk_tree_stat(tree, parent_of(tree, parent), ret, error);
	if (vk_inode_kind(parent) == VK_INODE_FIXED)
		return lookup_fixed(tree, parent, name, ret, error);
	place = find(tree, parent);
	if (!place)
		return vk_tree_fail_stale(parent, error);
	if (vk_inode_kind(parent) == VK_INODE_GUEST)
		return lookup_guest(place, name, ret, error);
	if (vk_inode_kind(parent) == VK_INODE_TIME)
		return lookup_time(tree, place, name, ret, error);
	return lookup_snapshot(tree, place, parent, name, ret, error);
}

char *vk_tree_read_link(const VkTree *tree, guint64 ino, GError **error)
{
	const VkTreeSnapshot *snapshot = NULL;
	const VkTreeGuest *guest = NULL;

	if (vk_inode_kind(ino) == VK_INODE_LATEST)
		guest = find(tree, vk_inode_as(ino, VK_INODE_GUEST));
	else if (vk_inode_kind(ino) == VK_INODE_LINK)
		snapshot = find_snapshot(tree, ino);
	if (snapshot)
		return link_target(snapshot);
	snapshot = guest ? guest_latest(guest) : NULL;
	if (snapshot)
		return g_strdup(snapshot->name);
	vk_tree_fail_stale(ino, error);
	return NULL;
}

VkFile *vk_tree_open(const VkTree *tree, guint64 ino, GError **error)
{
	const VkTreeSnapshot *snapshot = find_snapshot(tree, ino);
	g_autoptr(VkCachedView) cached = NULL;

	if (!snapshot || vk_inode_place(ino) == 0) {
		vk_tree_fail_stale(ino, error);
		return NULL;
	}
	cached = vk_view_cache_get(tree->cache, snapshot->key, error);
	if (cached && vk_inode_kind(ino) == VK_INODE_PARTS)
		return vk_tree_open_part(cached, ino, error);
	return cached ? vk_file_open(cached, vk_inode_place(ino) - 1, error) : NULL;
}

guint64 vk_tree_count(const VkTree *tree)
{
	/* Each guest with its `latest`, each snapshot with its link. */
	return 3 + tree->times->len + 2 * (guint64)tree->guests->len + 2 * tree->n_snapshots;
}

void vk_tree_add_entry(GArray *entries, const char *name, const VkNode *node)
{
	VkTreeEntry entry = {.name = g_strdup(name), .node = *node};

	g_array_append_val(entries, entry);
}

static void list_fixed(const VkTree *tree, guint64 ino, GArray *entries)
{
	VkNode node;

	if (ino == VK_INODE_ROOT) {
		fixed_node(tree, VK_INODE_GUESTS, &node);
		vk_tree_add_entry(entries, "guests", &node);
		fixed_node(tree, VK_INODE_TIMES, &node);
		vk_tree_add_entry(entries, "times", &node);
	}
	for (guint i = 0; ino == VK_INODE_GUESTS && i < tree->guests->len; i++) {
		const VkTreeGuest *guest = g_ptr_array_index(tree->guests, i);

		guest_node(guest, &node);
		vk_tree_add_entry(entries, guest->name, &node);
	}
	for (guint i = 0; ino == VK_INODE_TIMES && i < tree->times->len; i++) {
		const VkTreeTime *when = g_ptr_array_index(tree->times, i);

		time_node(when, &node);
		vk_tree_add_entry(entries, when->name, &node);
	}
}

static void list_guest(const VkTreeGuest *guest, GArray *entries)
{
	const VkTreeSnapshot *latest = guest_latest(guest);
	VkNode node;

	for (guint i = 0; i < guest->snapshots->len; i++) {
		const VkTreeSnapshot *snapshot = g_ptr_array_index(guest->snapshots, i);

		snapshot_node(snapshot, &node);
		vk_tree_add_entry(entries, snapshot->name, &node);
	}
	if (latest) {
		latest_node(latest, &node);
		vk_tree_add_entry(entries, VK_TIME_LATEST, &node);
	}
}

static void list_time(const VkTreeTime *when, GArray *entries)
{
	VkNode node;

	for (guint i = 0; i < when->snapshots->len; i++) {
		const VkTreeSnapshot *snapshot = g_ptr_array_index(when->snapshots, i);

		link_node(snapshot, &node);
		vk_tree_add_entry(entries, snapshot->guest->name, &node);
	}
}

/* INO is the snapshot's directory, or one of its disks' partitions. */
static gboolean list_snapshot(const VkTree *tree, const VkTreeSnapshot *snapshot, guint64 ino,
			      GArray *entries, GError **error)
{
	g_autoptr(VkCachedView) cached = vk_view_cache_get(tree->cache, snapshot->key, error);
	const GPtrArray *files;
	VkNode node;

	if (!cached)
		return FALSE;
	if (vk_inode_kind(ino) == VK_INODE_PARTS)
		return vk_tree_list_parts(snapshot, cached, ino, entries, error);
	files = vk_view_files(vk_cached_view(cached));
	for (guint i = 0; i < files->len && i < VK_INODE_PLACES_MAX; i++) {
		const VkViewFile *file = g_ptr_array_index(files, i);

		file_node(snapshot, i, file, &node);
		vk_tree_add_entry(entries, file->name, &node);
	}
	vk_tree_list_disks(snapshot, cached, entries);
	return TRUE;
}

static void clear_entry(VkTreeEntry *entry)
{
	g_free(entry->name);
}

GArray *vk_tree_list(const VkTree *tree, guint64 ino, GError **error)
{
	g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(VkTreeEntry));
	const void *place = find(tree, ino);
	VkNode node;

	g_array_set_clear_func(entries, (GDestroyNotify)clear_entry);
	if (!vk_tree_lookup(tree, ino, ".", &node, error))
		return NULL;
	vk_tree_add_entry(entries, ".", &node);
	if (!vk_tree_lookup(tree, ino, "..", &node, error))
		return NULL;
	vk_tree_add_entry(entries, "..", &node);

	if (vk_inode_kind(ino) == VK_INODE_FIXED)
		list_fixed(tree, ino, entries);
	else if (place && vk_inode_kind(ino) == VK_INODE_GUEST)
		list_guest(place, entries);
	else if (place && vk_inode_kind(ino) == VK_INODE_TIME)
		list_time(place, entries);
	else if (place && !list_snapshot(tree, place, ino, entries, error))
		return NULL;
	return g_steal_pointer(&entries);
}
