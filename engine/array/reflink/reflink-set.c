/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cloning the files of guests. What is slow (directories, opening, writing back what the host has
 * cached) is done before the guests are held; while they are, there is one call for each file.
 */
#include "reflink-priv.h"

#include "errors.h"
#include "io.h"
#include "json.h"
#include "safe-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_TRIES 3

/* One layer of one disk. */
typedef struct Clone {
	VkSetDisk *disk;
	const VkArrayLayer *layer;
	char *directory, *path;
	int from, to;
	struct stat original; /* at the point in time */
	guint64 allocated;    /* bytes */
	gboolean taken;
} Clone;

typedef struct ReflinkPart {
	VkSetPart base;
	GPtrArray *clones; /* Clone, those of a disk one after another */
} ReflinkPart;

static void clone_free(gpointer data)
{
	Clone *clone = data;

	vk_io_clear_fd(&clone->from);
	vk_io_clear_fd(&clone->to);
	g_free(clone->directory);
	g_free(clone->path);
	g_free(clone);
}

/* Opens DIRECTORY, which is made with its parents up to the image's if need be. */
static int make_directories(const char *directory, GError **error)
{
	for (guint tries = 1;; tries++) {
		g_autoptr(GError) trouble = NULL;
		int fd = vk_reflink_open_directory(directory, VK_REFLINK_MAKE, &trouble);

		/* Another guest's run removes parents that it finds empty. */
		if (fd < 0 && tries < DIRECTORY_TRIES &&
		    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			continue;
		if (fd < 0)
			g_propagate_error(error, g_steal_pointer(&trouble));
		return fd;
	}
}

/* The image could have become a link since it was found, or a FIFO, which would hold us up. */
static int open_image(const char *path, GError **error)
{
	VK_AUTOFD fd = vk_safe_open(path, O_RDONLY | O_NONBLOCK, error);
	struct stat info;
	int opened;

	if (fd < 0)
		return -1;
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
		vk_fail(error, VK_ERROR_CHANGED, "'%s' is not a file any more", path);
		return -1;
	}
	opened = fd;
	fd = -1;
	return opened;
}

static gboolean open_clone(Clone *clone, GError **error)
{
	g_autofree char *base = g_path_get_basename(clone->path);
	VK_AUTOFD dirfd = -1;

	clone->from = open_image(clone->layer->path, error);
	if (clone->from < 0)
		return FALSE;
	/* What is written back now need not be while the guest is held. */
	if (vk_io.fdatasync(clone->from) < 0)
		return vk_fail_errno(error, errno, "cannot write back '%s'", clone->layer->path);
	dirfd = make_directories(clone->directory, error);
	if (dirfd < 0 || !vk_reflink_put_mark(dirfd, clone->directory, error))
		return FALSE;
	clone->to = vk_io_open(dirfd, base, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, error);
	if (clone->to < 0)
		g_prefix_error(error, "'%s': ", clone->directory);
	return clone->to >= 0;
}

static Clone *clone_new(VkSetDisk *disk, guint number, const char *vault_id)
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

static void remove_clones(ReflinkPart *part, const char *uuid)
{
	for (guint i = 0; i < part->clones->len; i++) {
		Clone *clone = g_ptr_array_index(part->clones, i);

		if (strcmp(clone->disk->uuid, uuid) != 0)
			continue;
		vk_io_clear_fd(&clone->from);
		vk_io_clear_fd(&clone->to);
		/* Others may have theirs settled yet. */
		clone->taken = FALSE;
		vk_reflink_remove_directory(clone->directory, NULL);
	}
}

VkSetPart *vk_reflink_prepare(VkArray *array, const char *vault_id, const char *label,
			      const GPtrArray *disks, GError **error)
{
	ReflinkPart *part = g_new0(ReflinkPart, 1);

	part->base.array = array;
	part->clones = g_ptr_array_new_with_free_func(clone_free);
	for (guint i = 0; i < disks->len; i++) {
		VkSetDisk *disk = g_ptr_array_index(disks, i);
		const VkReflinkDisk *where = (VkReflinkDisk *)disk->disk;

		for (guint layer = 0; !disk->trouble && layer < where->layers->len; layer++) {
			Clone *clone = clone_new(disk, layer, vault_id);

			g_ptr_array_add(part->clones, clone);
			open_clone(clone, &disk->trouble);
		}
	}
	return &part->base;
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

gboolean vk_reflink_snap(VkSetPart *base, GHashTable *members, gint64 deadline, GError **error)
{
	ReflinkPart *part = (ReflinkPart *)base;

	for (guint i = 0; i < part->clones->len; i++) {
		Clone *clone = g_ptr_array_index(part->clones, i);

		if (!clone->disk->trouble && g_hash_table_contains(members, clone->disk->uuid))
			take_clone(clone, &clone->disk->trouble);
	}
	return TRUE;
}

/* The bytes do not change any more, whenever they come to rest. */
static gboolean settle_clone(Clone *clone, GError **error)
{
	VK_AUTOFD directory = -1;
	struct stat info;

	if (fchmod(clone->to, 0400) < 0 || vk_io.fsync(clone->to) < 0 ||
	    fstat(clone->to, &info) < 0)
		return vk_fail_errno(error, errno, "cannot write '%s'", clone->path);
	clone->allocated = (guint64)info.st_blocks * 512;
	vk_reflink_set_immutable(clone->to, TRUE);
	vk_io_clear_fd(&clone->from);
	vk_io_clear_fd(&clone->to);
	directory = vk_reflink_open_directory(clone->directory, VK_REFLINK_CHANGE, error);
	return directory >= 0 &&
	       (vk_io.fsync(directory) == 0 ||
		vk_fail_errno(error, errno, "cannot sync the directory '%s'", clone->directory));
}

gboolean vk_reflink_settle(VkSetPart *base, GError **error)
{
	ReflinkPart *part = (ReflinkPart *)base;

	for (guint i = 0; i < part->clones->len; i++) {
		Clone *clone = g_ptr_array_index(part->clones, i);

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

json_t *vk_reflink_copy(VkSetPart *base, const VkSetDisk *disk)
{
	ReflinkPart *part = (ReflinkPart *)base;
	json_t *layers = json_array();

	for (guint i = 0; i < part->clones->len; i++) {
		const Clone *clone = g_ptr_array_index(part->clones, i);

		if (clone->disk == disk)
			json_array_append_new(layers, layer_to_json(clone));
	}
	return json_pack("{s:o}", "layers", layers);
}

gboolean vk_reflink_keep(VkSetPart *base, const char *uuid, GError **error)
{
	ReflinkPart *part = (ReflinkPart *)base;

	for (guint i = 0; i < part->clones->len; i++) {
		const Clone *clone = g_ptr_array_index(part->clones, i);

		if (strcmp(clone->disk->uuid, uuid) == 0 &&
		    !vk_reflink_set_listed(clone->directory, TRUE, error))
			return FALSE;
	}
	return TRUE;
}

void vk_reflink_leave(VkSetPart *base, const char *uuid)
{
	remove_clones((ReflinkPart *)base, uuid);
}

void vk_reflink_part_free(VkSetPart *base)
{
	ReflinkPart *part = (ReflinkPart *)base;

	if (!part)
		return;
	g_ptr_array_unref(part->clones);
	g_free(part);
}
