/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounts.h"

#include "errors.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTINFO "/proc/self/mountinfo"

typedef struct Mount {
	int id, parent;
	gboolean is_root; /* its parent is out of sight: "/", or what a chroot can see */
	VkMountFacts facts;
} Mount;

struct VkMounts {
	GArray *mounts; /* Mount, in the order of mounting */
};

static void clear_facts(VkMountFacts *facts)
{
	g_free(facts->mountpoint);
	g_free(facts->fstype);
	g_free(facts->source);
	g_free(facts->root);
}

static void clear_mount(void *data)
{
	Mount *mount = data;

	clear_facts(&mount->facts);
}

static void add_mount(VkMounts *mounts, struct libmnt_fs *fs)
{
	Mount mount = {
		.id = mnt_fs_get_id(fs),
		.parent = mnt_fs_get_parent_id(fs),
		.facts =
			{
				.mountpoint = g_strdup(mnt_fs_get_target(fs)),
				.fstype = g_strdup(mnt_fs_get_fstype(fs)),
				.source = g_strdup(mnt_fs_get_source(fs)),
				.root = g_strdup(mnt_fs_get_root(fs)),
			},
	};

	if (mount.facts.mountpoint)
		g_array_append_val(mounts->mounts, mount);
	else
		clear_facts(&mount.facts);
}

static void find_roots(VkMounts *mounts)
{
	g_autoptr(GHashTable) ids = g_hash_table_new(g_direct_hash, g_direct_equal);

	for (guint i = 0; i < mounts->mounts->len; i++)
		g_hash_table_add(ids, GINT_TO_POINTER(g_array_index(mounts->mounts, Mount, i).id));
	for (guint i = 0; i < mounts->mounts->len; i++) {
		Mount *mount = &g_array_index(mounts->mounts, Mount, i);

		mount->is_root = mount->parent == mount->id ||
				 !g_hash_table_contains(ids, GINT_TO_POINTER(mount->parent));
	}
}

VkMounts *vk_mounts_load(const char *mountinfo, GError **error)
{
	const char *path = mountinfo ? mountinfo : MOUNTINFO;

	errno = 0;
	struct libmnt_table *table = mnt_new_table_from_file(path);
	if (!table) {
		vk_fail_errno(error, errno ? errno : EINVAL,
			      "the list of mounts '%s' is unreadable", path);
		return NULL;
	}
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	VkMounts *mounts = g_new0(VkMounts, 1);

	mounts->mounts = g_array_new(FALSE, FALSE, sizeof(Mount));
	g_array_set_clear_func(mounts->mounts, clear_mount);
	while (mnt_table_next_fs(table, iter, &fs) == 0)
		add_mount(mounts, fs);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	find_roots(mounts);
	return mounts;
}

void vk_mounts_free(VkMounts *mounts)
{
	if (!mounts)
		return;
	g_array_unref(mounts->mounts);
	g_free(mounts);
}

GPtrArray *vk_mounts_of_type(const VkMounts *mounts, const char *type)
{
	GPtrArray *found = g_ptr_array_new();

	for (guint i = 0; i < mounts->mounts->len; i++) {
		VkMountFacts *facts = &g_array_index(mounts->mounts, Mount, i).facts;

		if (facts->fstype && g_str_has_prefix(facts->fstype, type))
			g_ptr_array_add(found, facts);
	}
	return found;
}

/* TRUE when PATH is DIRECTORY or lies below it. */
static gboolean lies_in(const char *path, const char *directory)
{
	gsize length = strlen(directory);

	if (g_str_equal(directory, "/"))
		return TRUE;
	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

static const Mount *find_root(const VkMounts *mounts, const char *path)
{
	const Mount *found = NULL;

	for (guint i = 0; i < mounts->mounts->len; i++) {
		const Mount *mount = &g_array_index(mounts->mounts, Mount, i);

		if (mount->is_root && lies_in(path, mount->facts.mountpoint) &&
		    (!found || strlen(mount->facts.mountpoint) >= strlen(found->facts.mountpoint)))
			found = mount;
	}
	return found;
}

/* The mount on PARENT which a walk along PATH meets first; NULL when the path stays in PARENT. */
static const Mount *find_child(const VkMounts *mounts, const Mount *parent, const char *path)
{
	const Mount *found = NULL;

	for (guint i = 0; i < mounts->mounts->len; i++) {
		const Mount *mount = &g_array_index(mounts->mounts, Mount, i);

		if (mount->parent == parent->id && mount != parent && !mount->is_root &&
		    lies_in(path, mount->facts.mountpoint) &&
		    (!found || strlen(mount->facts.mountpoint) <= strlen(found->facts.mountpoint)))
			found = mount;
	}
	return found;
}

VkMountFacts *vk_mounts_find(VkMounts *mounts, const char *path, GError **error)
{
	g_autofree char *resolved = realpath(path, NULL);

	if (!resolved) {
		vk_fail_errno(error, errno, "the mount of '%s' cannot be found", path);
		return NULL;
	}
	/*
	 * The walk goes down the tree of mounts as the kernel does: a comparison of paths alone
	 * would find mounts that another mount hides. It ends, because it visits each mount at most
	 * once.
	 */
	const Mount *mount = find_root(mounts, resolved);
	for (guint steps = mounts->mounts->len; mount && steps > 0; steps--) {
		const Mount *child = find_child(mounts, mount, resolved);

		if (!child)
			break;
		mount = child;
	}
	if (!mount) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "no mount in sight has '%s'", resolved);
		return NULL;
	}
	VkMountFacts *facts = g_new0(VkMountFacts, 1);
	facts->mountpoint = g_strdup(mount->facts.mountpoint);
	facts->fstype = g_strdup(mount->facts.fstype);
	facts->source = g_strdup(mount->facts.source);
	facts->root = g_strdup(mount->facts.root);
	return facts;
}

void vk_mount_facts_free(VkMountFacts *facts)
{
	if (!facts)
		return;
	clear_facts(facts);
	g_free(facts);
}
