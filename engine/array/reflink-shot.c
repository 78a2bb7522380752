/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cloning the files of guests. What is slow (directories, opening, writing back what the host has
 * cached) is done before the guests are held; while they are, there is one call for each file.
 */
#include "reflink-priv.h"

#include "errors.h"
#include "io.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_TRIES 3

/* One layer of one disk. */
typedef struct Clone {
	VkShotDisk *disk;
	const VkArrayLayer *layer;
	char *directory, *path;
	int from, to;
	struct stat original; /* at the point in time */
	guint64 allocated;    /* bytes */
	gboolean taken;
} Clone;

typedef struct ReflinkShot {
	VkShot base;
	GPtrArray *clones; /* Clone, those of a disk one after another */
} ReflinkShot;

static void clone_free(gpointer data)
{
	Clone *clone = data;

	vk_io_clear_fd(&clone->from);
	vk_io_clear_fd(&clone->to);
	g_free(clone->directory);
	g_free(clone->path);
	g_free(clone);
}

/* Nobody else may have prepared it. */
static gboolean check_private(int fd, const char *directory, GError **error)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", directory);
	if (S_ISDIR(info.st_mode) && info.st_uid == geteuid() && !(info.st_mode & 022))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED,
		       "'%s' is not a directory that only we can write to; remove it", directory);
}

/* Nor may there be a link in the place of it or of a parent. */
static int open_made(const char *directory, GError **error)
{
	VK_AUTOFD fd = vk_reflink_open_directory(directory);
	int opened;

	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot open '%s'", directory);
		return -1;
	}
	if (!check_private(fd, directory, error))
		return -1;
	opened = fd;
	fd = -1;
	return opened;
}

static gboolean check_made(const char *directory, GError **error)
{
	VK_AUTOFD fd = open_made(directory, error);

	return fd >= 0;
}

/*
 * Makes DIRECTORY and its parents up to the image's, all durable, for root alone. Those that are
 * there may be the work of a run that died before they were durable.
 */
static gboolean make_directories(const char *directory, guint tries, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(directory);
	g_autofree char *name = g_path_get_basename(directory);

	if (strcmp(name, VK_REFLINK_DIRECTORY) != 0 && !make_directories(parent, tries, error))
		return FALSE;
	if (vk_io.mkdirat(AT_FDCWD, directory, 0700) == 0 || errno == EEXIST)
		return check_made(directory, error) && vk_io_sync_dir(AT_FDCWD, parent, error);
	/* Another guest's run removes parents that it finds empty. */
	if (errno == ENOENT && tries > 1)
		return make_directories(directory, tries - 1, error);
	return vk_fail_errno(error, errno, "cannot make the directory '%s'", directory);
}

static gboolean open_clone(Clone *clone, GError **error)
{
	g_autofree char *base = g_path_get_basename(clone->path);
	VK_AUTOFD dirfd = -1;

	clone->from = vk_io_open(AT_FDCWD, clone->layer->path, O_RDONLY, 0, error);
	if (clone->from < 0)
		return FALSE;
	/* What is written back now need not be while the guest is held. */
	if (vk_io.fdatasync(clone->from) < 0)
		return vk_fail_errno(error, errno, "cannot write back '%s'", clone->layer->path);
	if (!make_directories(clone->directory, DIRECTORY_TRIES, error))
		return FALSE;
	dirfd = open_made(clone->directory, error);
	if (dirfd < 0 || !vk_reflink_put_mark(dirfd, clone->directory, error))
		return FALSE;
	clone->to = vk_io_open(dirfd, base, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, error);
	if (clone->to < 0)
		g_prefix_error(error, "'%s': ", clone->directory);
	return clone->to >= 0;
}

static Clone *clone_new(VkShotDisk *disk, guint number, const char *vault_id)
{
	const VkReflinkDisk *where = (VkReflinkDisk *)disk->disk;
	const VkArrayLayer *layer = g_ptr_array_index(where->layers, number);
	g_autofree char *guest = vk_reflink_guest_directory(layer->path, vault_id, disk->uuid);
	Clone *clone = g_new0(Clone, 1);

	clone->disk = disk;
	clone->layer = layer;
	clone->from = clone->to = -1;
	clone->directory = g_build_filename(guest, disk->id, NULL);
	clone->path = g_strdup_printf("%s/%s.%u", clone->directory, disk->target, number);
	return clone;
}

static void remove_clones(ReflinkShot *shot, const char *uuid)
{
	for (guint i = 0; i < shot->clones->len; i++) {
		Clone *clone = g_ptr_array_index(shot->clones, i);

		if (strcmp(clone->disk->uuid, uuid) != 0)
			continue;
		vk_io_clear_fd(&clone->from);
		vk_io_clear_fd(&clone->to);
		/* Others may have theirs settled yet. */
		clone->taken = FALSE;
		vk_reflink_remove_directory(clone->directory, NULL);
	}
}

VkShot *vk_reflink_prepare(VkArray *array, const char *vault_id, const char *label,
			   const GPtrArray *disks, GError **error)
{
	ReflinkShot *shot = g_new0(ReflinkShot, 1);

	shot->base.array = array;
	shot->clones = g_ptr_array_new_with_free_func(clone_free);
	for (guint i = 0; i < disks->len; i++) {
		VkShotDisk *disk = g_ptr_array_index(disks, i);
		const VkReflinkDisk *where = (VkReflinkDisk *)disk->disk;

		for (guint layer = 0; !disk->trouble && layer < where->layers->len; layer++) {
			Clone *clone = clone_new(disk, layer, vault_id);

			g_ptr_array_add(shot->clones, clone);
			open_clone(clone, &disk->trouble);
		}
	}
	return &shot->base;
}

static gboolean take_clone(Clone *clone, GError **error)
{
	if (vk_reflink_clone_fd(clone->from, clone->to) < 0 ||
	    fstat(clone->from, &clone->original) < 0)
		return vk_fail_errno(error, errno, "cannot clone '%s' to '%s'", clone->layer->path,
				     clone->path);
	clone->taken = TRUE;
	return TRUE;
}

gboolean vk_reflink_shoot(VkShot *base, GHashTable *members, gint64 deadline, GError **error)
{
	ReflinkShot *shot = (ReflinkShot *)base;

	for (guint i = 0; i < shot->clones->len; i++) {
		Clone *clone = g_ptr_array_index(shot->clones, i);

		if (!clone->disk->trouble && g_hash_table_contains(members, clone->disk->uuid))
			take_clone(clone, &clone->disk->trouble);
	}
	return TRUE;
}

/* The bytes do not change any more, whenever they come to rest. */
static gboolean settle_clone(Clone *clone, GError **error)
{
	struct stat info;

	if (fchmod(clone->to, 0400) < 0 || vk_io.fsync(clone->to) < 0 ||
	    fstat(clone->to, &info) < 0)
		return vk_fail_errno(error, errno, "cannot write '%s'", clone->path);
	clone->allocated = (guint64)info.st_blocks * 512;
	vk_reflink_set_immutable(clone->to, TRUE);
	vk_io_clear_fd(&clone->from);
	vk_io_clear_fd(&clone->to);
	return vk_io_sync_dir(AT_FDCWD, clone->directory, error);
}

gboolean vk_reflink_settle(VkShot *base, GError **error)
{
	ReflinkShot *shot = (ReflinkShot *)base;

	for (guint i = 0; i < shot->clones->len; i++) {
		Clone *clone = g_ptr_array_index(shot->clones, i);

		if (clone->taken && !clone->disk->trouble)
			settle_clone(clone, &clone->disk->trouble);
	}
	return TRUE;
}

static json_t *layer_to_json(const Clone *clone)
{
	const struct stat *original = &clone->original;
	json_t *layer = json_object();

	json_object_set_new(layer, "path", vk_json_new_string(clone->path));
	json_object_set_new(layer, "format", vk_json_new_string(clone->layer->format));
	json_object_set_new(layer, "of", vk_json_new_string(clone->layer->path));
	json_object_set_new(layer, "inode", vk_json_new_uint(original->st_ino));
	json_object_set_new(layer, "size", vk_json_new_uint((guint64)original->st_size));
	json_object_set_new(layer, "allocated", vk_json_new_uint(clone->allocated));
	json_object_set_new(layer, "mtime_ns",
			    vk_json_new_uint((guint64)original->st_mtim.tv_sec * 1000000000 +
					     (guint64)original->st_mtim.tv_nsec));
	return layer;
}

json_t *vk_reflink_copy(VkShot *base, const VkShotDisk *disk)
{
	ReflinkShot *shot = (ReflinkShot *)base;
	json_t *layers = json_array();

	for (guint i = 0; i < shot->clones->len; i++) {
		const Clone *clone = g_ptr_array_index(shot->clones, i);

		if (clone->disk == disk)
			json_array_append_new(layers, layer_to_json(clone));
	}
	return json_pack("{s:o}", "layers", layers);
}

gboolean vk_reflink_keep(VkShot *base, const char *uuid, GError **error)
{
	ReflinkShot *shot = (ReflinkShot *)base;

	for (guint i = 0; i < shot->clones->len; i++) {
		const Clone *clone = g_ptr_array_index(shot->clones, i);

		if (strcmp(clone->disk->uuid, uuid) == 0 &&
		    !vk_reflink_set_listed(clone->directory, TRUE, error))
			return FALSE;
	}
	return TRUE;
}

void vk_reflink_leave(VkShot *base, const char *uuid)
{
	remove_clones((ReflinkShot *)base, uuid);
}

void vk_reflink_shot_free(VkShot *base)
{
	ReflinkShot *shot = (ReflinkShot *)base;

	if (!shot)
		return;
	g_ptr_array_unref(shot->clones);
	g_free(shot);
}
