/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "swap.h"

#include "errors.h"
#include "io.h"
#include "log.h"
#include "new-file.h"
#include "origin.h"
#include "safe-path.h"
#include "timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct SwapEntry {
	VkSink *sink;     /* NULL: the old file only goes */
	char *path;       /* of the file; NULL: it is none, and only passes through */
	gboolean is_disk; /* the file is a disk's image */
	gboolean exists;  /* an old file lies there */
	int directory;    /* of the file; -1: not opened yet */
	char *base;       /* the file's name in it */
	char *aside;      /* where the old file is kept in it; NULL: there was none, or not yet */
	gboolean done;
} SwapEntry;

struct VkSwap {
	GPtrArray *entries;     /* SwapEntry */
	GPtrArray *directories; /* char*: made by us, outer ones first */
	char *time;
	const char *snapshot_time;
	const char *old_mark; /* NULL: what was set aside is removed */
	gboolean overwritten; /* a block device, in whole or in part */
	gboolean kept;
};

static void entry_free(gpointer data)
{
	SwapEntry *entry = data;

	vk_sink_free(entry->sink);
	g_free(entry->path);
	vk_io_clear_fd(&entry->directory);
	g_free(entry->base);
	g_free(entry->aside);
	g_free(entry);
}

VkSwap *vk_swap_new(const char *time, const char *old_mark)
{
	VkSwap *swap = g_new0(VkSwap, 1);

	swap->entries = g_ptr_array_new_with_free_func(entry_free);
	swap->directories = g_ptr_array_new_with_free_func(g_free);
	swap->snapshot_time = time;
	swap->old_mark = old_mark;
	swap->time = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	return swap;
}

/* The directory that PATH lies in; *RET_BASE is PATH's name there. */
static int open_parent(const char *path, char **ret_base, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);

	*ret_base = g_path_get_basename(path);
	return vk_safe_open(parent, O_RDONLY | O_DIRECTORY, error);
}

static gboolean make_directory(VkSwap *swap, const char *path, mode_t mode, uid_t uid, gid_t gid,
			       GError **error)
{
	g_autofree char *base = NULL;
	VK_AUTOFD parent = open_parent(path, &base, error);
	VK_AUTOFD fd = -1;

	if (parent < 0)
		return FALSE;
	if (vk_io.mkdirat(parent, base, mode) < 0) {
		if (errno == EEXIST)
			return TRUE;
		return vk_fail_errno(error, errno, "cannot make the directory '%s'", path);
	}
	g_ptr_array_add(swap->directories, g_strdup(path));
	fd = vk_io.openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		return vk_fail_errno(error, errno, "cannot give '%s' its owner", path);
	return TRUE;
}

gboolean vk_swap_make_directory(VkSwap *swap, const VkRestoreItem *item, GError **error)
{
	g_autofree char *own = NULL;
	g_autofree char *parent = NULL;
	g_autofree char *top = NULL;

	if (!item->owner_directory)
		return TRUE;
	own = g_path_get_dirname(item->place.path);
	parent = g_path_get_dirname(own);
	top = g_path_get_dirname(parent);
	/* As libvirt makes them: all may pass, only the owner may look. */
	return make_directory(swap, top, 0711, (uid_t)-1, (gid_t)-1, error) &&
	       make_directory(swap, parent, 0711, (uid_t)-1, (gid_t)-1, error) &&
	       make_directory(swap, own, 0700, item->place.uid, item->place.gid, error);
}

static SwapEntry *add_entry(VkSwap *swap, const char *path, gboolean exists, VkSink *sink)
{
	SwapEntry *entry = g_new0(SwapEntry, 1);

	entry->path = g_strdup(path);
	entry->exists = exists;
	entry->sink = sink;
	entry->directory = -1;
	g_ptr_array_add(swap->entries, entry);
	return entry;
}

void vk_swap_add(VkSwap *swap, const VkRestoreItem *item, VkSink *sink)
{
	gboolean is_file = item->place.kind == VK_PLACE_FILE;
	SwapEntry *entry = add_entry(swap, is_file ? item->place.path : NULL, item->exists, sink);

	entry->is_disk = item->is_disk;
}

void vk_swap_add_file(VkSwap *swap, const char *path, gboolean exists, VkSink *sink)
{
	add_entry(swap, path, exists, sink);
}

void vk_swap_add_removal(VkSwap *swap, const char *path)
{
	add_entry(swap, path, TRUE, NULL);
}

void vk_swap_note_overwriting(VkSwap *swap)
{
	swap->overwritten = TRUE;
}

gboolean vk_swap_has_overwritten(const VkSwap *swap)
{
	return swap->overwritten;
}

/* Beside the file of ENTRY, for people. New string. */
static char *path_beside(const SwapEntry *entry, const char *name)
{
	g_autofree char *directory = g_path_get_dirname(entry->path);

	return g_build_filename(directory, name, NULL);
}

/*
 * A second name for the old file, so that its first one is never vacant. File systems without hard
 * links get a rename.
 */
static gboolean set_aside(const VkSwap *swap, SwapEntry *entry, GError **error)
{
	g_autofree char *aside = vk_new_file_replaced_name(entry->base, swap->time);

	if (vk_io.linkat(entry->directory, entry->base, entry->directory, aside, 0) < 0) {
		if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK)
			return vk_fail_errno(error, errno, "cannot set '%s' aside as '%s'",
					     entry->path, aside);
		if (!vk_io_rename_new(entry->directory, entry->base, entry->directory, aside,
				      error)) {
			g_prefix_error(error, "cannot set '%s' aside: ", entry->path);
			return FALSE;
		}
	}
	entry->aside = g_steal_pointer(&aside);
	return TRUE;
}

/* So that the next backup knows why it reads the image in whole. */
static void note_origin(const VkSwap *swap, const SwapEntry *entry)
{
	VK_AUTOFD fd = -1;

	if (!entry->is_disk || !entry->path)
		return;
	fd = vk_io.openat(entry->directory, entry->base,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd >= 0)
		vk_origin_set(fd, swap->snapshot_time);
}

/* It has its second name by now. */
static gboolean remove_old(const SwapEntry *entry, GError **error)
{
	if (vk_io.unlinkat(entry->directory, entry->base, 0) < 0 && errno != ENOENT)
		return vk_fail_errno(error, errno, "cannot remove '%s'", entry->path);
	return TRUE;
}

static gboolean commit_entry(const VkSwap *swap, SwapEntry *entry, GError **error)
{
	gboolean replace = entry->exists && entry->path;

	if (entry->path) {
		entry->directory = open_parent(entry->path, &entry->base, error);
		if (entry->directory < 0)
			return FALSE;
	}
	if (replace && !set_aside(swap, entry, error))
		return FALSE;
	if (!entry->sink)
		return remove_old(entry, error);
	if (!entry->sink->ops->commit(entry->sink, replace, error))
		return FALSE;
	entry->done = TRUE;
	note_origin(swap, entry);
	return TRUE;
}

static void restore_old(const SwapEntry *entry)
{
	if (vk_io.renameat2(entry->directory, entry->aside, entry->directory, entry->base, 0) < 0)
		vk_log_error("cannot bring '%s' back: %s; the old file is '%s' beside it, rename "
			     "it",
			     entry->path, g_strerror(errno), entry->aside);
	else
		/* When both names were still of one file the rename did nothing. */
		vk_io.unlinkat(entry->directory, entry->aside, 0);
}

static void roll_back(VkSwap *swap)
{
	for (guint i = swap->entries->len; i-- > 0;) {
		SwapEntry *entry = g_ptr_array_index(swap->entries, i);

		if (!entry->path)
			continue;
		if (entry->aside)
			restore_old(entry);
		else if (entry->done && vk_io.unlinkat(entry->directory, entry->base, 0) < 0)
			vk_log_error("cannot remove '%s': %s", entry->path, g_strerror(errno));
		g_clear_pointer(&entry->aside, g_free);
		entry->done = FALSE;
	}
}

gboolean vk_swap_commit(VkSwap *swap, GError **error)
{
	for (guint i = 0; i < swap->entries->len; i++)
		if (!commit_entry(swap, g_ptr_array_index(swap->entries, i), error)) {
			roll_back(swap);
			return FALSE;
		}
	return TRUE;
}

/* FALSE when the old file of ENTRY stays where it was set aside. */
static gboolean settle_old(const VkSwap *swap, const SwapEntry *entry)
{
	g_autofree char *kept = NULL;

	if (!swap->old_mark)
		return vk_io.unlinkat(entry->directory, entry->aside, 0) == 0 || errno == ENOENT;
	kept = vk_new_file_decorated(entry->base, swap->old_mark);
	return vk_io_rename_new(entry->directory, entry->aside, entry->directory, kept, NULL);
}

gboolean vk_swap_keep(VkSwap *swap, GError **error)
{
	g_autoptr(GString) leftovers = g_string_new(NULL);

	swap->kept = TRUE;
	for (guint i = 0; i < swap->entries->len; i++) {
		SwapEntry *entry = g_ptr_array_index(swap->entries, i);

		if (entry->aside && !settle_old(swap, entry)) {
			g_autofree char *path = path_beside(entry, entry->aside);

			g_string_append_printf(leftovers, " '%s'", path);
		}
	}
	if (leftovers->len)
		return vk_fail(error, VK_ERROR_FAILED,
			       "cannot %s the old files, %s them by hand:%s",
			       swap->old_mark ? "rename" : "remove",
			       swap->old_mark ? "rename" : "remove", leftovers->str);
	return TRUE;
}

static void remove_made(const char *path)
{
	g_autofree char *base = NULL;
	VK_AUTOFD parent = open_parent(path, &base, NULL);

	if (parent >= 0)
		vk_io.unlinkat(parent, base, AT_REMOVEDIR);
}

void vk_swap_free(VkSwap *swap)
{
	if (!swap)
		return;
	if (!swap->kept)
		roll_back(swap);
	/* The sinks remove their temporary files, so that our directories are empty. */
	g_ptr_array_unref(swap->entries);
	for (guint i = swap->directories->len; !swap->kept && i-- > 0;)
		remove_made(g_ptr_array_index(swap->directories, i));
	g_ptr_array_unref(swap->directories);
	g_free(swap->time);
	g_free(swap);
}
