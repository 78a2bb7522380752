/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that can be cloned in O(1): XFS, btrfs, and what else knows FICLONE. A disk's files are
 * taken alone, so no two guests have to be held together.
 */
#include "reflink.h"
#include "reflink-priv.h"

#include "errors.h"
#include "io.h"
#include "json.h"
#include "mounts.h"
#include "qemu-image.h"
#include "source-served.h"
#include "safe-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIAL_SIZE 4096

static void disk_free(VkArrayDisk *base)
{
	VkReflinkDisk *disk = (VkReflinkDisk *)base;

	g_ptr_array_unref(disk->layers);
	g_free(disk);
}

static gboolean write_trial(int fd)
{
	const char bytes[TRIAL_SIZE] = "virtkeep";

	return pwrite(fd, bytes, sizeof(bytes), 0) == sizeof(bytes);
}

/* Only a clone shows whether files can be cloned: XFS can be made without. */
static gboolean can_clone(const char *directory, GError **error)
{
	VK_AUTOFD from = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	VK_AUTOFD to = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (from >= 0 && to >= 0 && write_trial(from) && vk_reflink_clone_fd(from, to) == 0)
		return TRUE;
	if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == EISDIR)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "its file system has no reflinks");
	return vk_fail_errno(error, errno, "cannot clone a file in '%s'", directory);
}

static VkArrayLayer *probe_layer(const VkArrayLayer *layer, GError **error)
{
	g_autofree char *path = vk_safe_path(layer->path, error);
	g_autofree char *directory = path ? g_path_get_dirname(path) : NULL;
	struct stat info;

	if (!path)
		return NULL;
	if (lstat(path, &info) < 0) {
		vk_fail_errno(error, errno, "cannot examine '%s'", layer->path);
		return NULL;
	}
	if (!S_ISREG(info.st_mode)) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "it is not a file");
		return NULL;
	}
	return can_clone(directory, error) ? vk_array_layer_new(path, layer->format) : NULL;
}

static VkArrayDisk *reflink_probe(VkArray *array, const GPtrArray *layers, GError **error)
{
	VkReflinkDisk *disk = g_new0(VkReflinkDisk, 1);

	disk->base.volumes = g_ptr_array_new();
	disk->layers = g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	for (guint i = 0; i < layers->len; i++) {
		const VkArrayLayer *layer = g_ptr_array_index(layers, i);
		VkArrayLayer *found = probe_layer(layer, error);

		if (!found) {
			g_prefix_error(error, "'%s': ", layer->path);
			g_ptr_array_unref(disk->base.volumes);
			disk_free(&disk->base);
			return NULL;
		}
		g_ptr_array_add(disk->layers, found);
	}
	return &disk->base;
}

/* A vault may name only what lies in one of our directories. */
static gboolean check_ours(const char *path, GError **error)
{
	return (strstr(path, "/" VK_REFLINK_DIRECTORY "/") && !strstr(path, "/../")) ||
	       vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not a directory of array snapshots", path);
}

/* A layer as it stands in a copy. The strings are borrowed. */
typedef struct Stored {
	const char *path, *format, *original;
	guint64 inode, size, mtime_ns, allocated;
} Stored;

static gboolean read_layer(const json_t *copy, guint number, Stored *ret, GError **error)
{
	const json_t *layer = json_array_get(json_object_get(copy, "layers"), number);

	return vk_json_string(layer, "path", &ret->path, error) && check_ours(ret->path, error) &&
	       vk_json_string(layer, "format", &ret->format, error) &&
	       vk_json_string(layer, "of", &ret->original, error) &&
	       vk_json_uint(layer, "inode", &ret->inode, error) &&
	       vk_json_uint(layer, "size", &ret->size, error) &&
	       vk_json_uint(layer, "mtime_ns", &ret->mtime_ns, error) &&
	       vk_json_uint(layer, "allocated", &ret->allocated, error);
}

static void clear_fd(gpointer fd)
{
	vk_io_clear_fd(fd);
}

/*
 * Opens the clones of COPY for LAYERS, whose PATHS lead to what FDS have open, whatever becomes of
 * the names. What is in a clone's place could have been put there by another.
 */
static gboolean open_layers(const json_t *copy, guint count, VkQemuLayer *layers, GPtrArray *paths,
			    GArray *fds, GError **error)
{
	for (guint i = 0; i < count; i++) {
		Stored layer;
		int fd;

		if (!read_layer(copy, i, &layer, error))
			return FALSE;
		fd = vk_reflink_open_clone(layer.path, error);
		if (fd < 0)
			return FALSE;
		g_array_append_val(fds, fd);
		g_ptr_array_add(paths, g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), fd));
		layers[i] =
			(VkQemuLayer){.path = g_ptr_array_index(paths, i), .format = layer.format};
	}
	return TRUE;
}

/* Replaces the paths of clones by names in the message of ERROR, if one is set. */
static void name_layers(const json_t *copy, const GPtrArray *paths, GError **error)
{
	/* "fd/12" before "fd/1" */
	for (guint i = paths->len; i > 0; i--) {
		Stored layer;

		if (read_layer(copy, i - 1, &layer, NULL))
			vk_qemu_name_path(error, g_ptr_array_index(paths, i - 1), layer.path);
	}
}

/* When qemu-nbd serves it, it has all files open itself. */
static VkSource *open_chain(const json_t *copy, guint count, GError **error)
{
	g_autofree VkQemuLayer *layers = g_new0(VkQemuLayer, count);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
	g_autoptr(GError) trouble = NULL;
	VkSource *source = NULL;

	g_array_set_clear_func(fds, clear_fd);
	if (open_layers(copy, count, layers, paths, fds, &trouble) &&
	    vk_qemu_check_data(layers, count, &trouble))
		source = vk_source_served_new(layers, count, NULL, &trouble);
	name_layers(copy, paths, &trouble);
	if (!source)
		g_propagate_error(error, g_steal_pointer(&trouble));
	return source;
}

static VkSource *reflink_open(VkArray *array, const json_t *copy, int *ret_file, GError **error)
{
	guint count = vk_array_count_layers(copy);
	Stored first;
	int fd;

	if (count == 0) {
		vk_fail(error, VK_ERROR_DAMAGE, "the array copy names no layer");
		return NULL;
	}
	if (!read_layer(copy, 0, &first, error))
		return NULL;
	if (count > 1 || strcmp(first.format, "raw") != 0)
		return open_chain(copy, count, error);
	fd = vk_reflink_open_clone(first.path, error);
	return fd < 0 ? NULL : vk_array_open_file(fd, first.path, ret_file, error);
}

static gboolean reflink_has(VkArray *array, const json_t *copy, gboolean *ret, GError **error)
{
	guint count = vk_array_count_layers(copy);

	*ret = count > 0;
	for (guint i = 0; i < count; i++) {
		Stored layer;

		if (!read_layer(copy, i, &layer, error))
			return FALSE;
		*ret = *ret && g_file_test(layer.path, G_FILE_TEST_EXISTS);
	}
	return TRUE;
}

static guint64 reflink_allocated(VkArray *array, const json_t *copy)
{
	guint count = vk_array_count_layers(copy);
	guint64 total = 0;

	for (guint i = 0; i < count; i++) {
		Stored layer;

		if (read_layer(copy, i, &layer, NULL))
			total += layer.allocated;
	}
	return total;
}

static char *reflink_reason(VkArray *array, const json_t *copy)
{
	guint count = vk_array_count_layers(copy);

	if (count == 1)
		return g_strdup("its file was cloned by reflink");
	return g_strdup_printf("its %u files were cloned by reflink", count);
}

static GPtrArray *reflink_layers(VkArray *array, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	guint count = vk_array_count_layers(copy);

	for (guint i = 0; i < count; i++) {
		Stored layer;

		if (!read_layer(copy, i, &layer, error))
			return NULL;
		g_ptr_array_add(layers, vk_array_layer_new(layer.original, layer.format));
	}
	return g_steal_pointer(&layers);
}

static gboolean reflink_layer_unchanged(VkArray *array, const json_t *copy, guint number)
{
	Stored layer;
	struct stat now;

	return read_layer(copy, number, &layer, NULL) && stat(layer.original, &now) == 0 &&
	       now.st_ino == layer.inode && (guint64)now.st_size == layer.size &&
	       (guint64)now.st_mtim.tv_sec * 1000000000 + (guint64)now.st_mtim.tv_nsec ==
		       layer.mtime_ns;
}

static gboolean reflink_can_clone(VkArray *array, const json_t *copy, guint number,
				  const char *directory)
{
	VK_AUTOFD from = -1;
	VK_AUTOFD to = -1;
	Stored layer;

	if (!read_layer(copy, number, &layer, NULL))
		return FALSE;
	from = vk_reflink_open_clone(layer.path, NULL);
	to = from < 0 ? -1 : open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return to >= 0 && vk_reflink_try_clone_fd(from, to) == 0;
}

static gboolean reflink_clone(VkArray *array, const json_t *copy, guint number, const char *path,
			      gboolean *ret_done, GError **error)
{
	VK_AUTOFD from = -1;
	VK_AUTOFD to = -1;
	Stored layer;

	*ret_done = FALSE;
	if (!read_layer(copy, number, &layer, error))
		return FALSE;
	from = vk_reflink_open_clone(layer.path, error);
	to = from < 0 ? -1 : vk_io_open(AT_FDCWD, path, O_RDWR | O_NOFOLLOW, 0, error);
	if (to < 0)
		return FALSE;
	if (vk_reflink_clone_fd(from, to) < 0)
		return errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL ||
		       vk_fail_errno(error, errno, "cannot clone '%s' to '%s'", layer.path, path);
	*ret_done = vk_io.fsync(to) == 0;
	return *ret_done || vk_fail_errno(error, errno, "cannot write '%s'", path);
}

static VkArraySnapshot *snapshot_of_directory(const VkArray *array, const char *directory)
{
	g_autofree char *id = g_path_get_basename(directory);
	g_autofree char *mark = g_build_filename(directory, VK_REFLINK_UNLISTED, NULL);
	VkArraySnapshot *snapshot = vk_array_snapshot_new(
		array, directory, json_pack("{s:o}", "directory", vk_json_new_string(directory)),
		id);

	snapshot->is_unlisted = g_file_test(mark, G_FILE_TEST_EXISTS);
	return snapshot;
}

static GPtrArray *reflink_snapshots_of(VkArray *array, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_snapshot_free);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint count = vk_array_count_layers(copy);

	for (guint i = 0; i < count; i++) {
		g_autofree char *directory = NULL;
		Stored layer;

		if (!read_layer(copy, i, &layer, error))
			return NULL;
		directory = g_path_get_dirname(layer.path);
		if (g_hash_table_add(seen, g_strdup(directory)))
			g_ptr_array_add(found, snapshot_of_directory(array, directory));
	}
	return g_steal_pointer(&found);
}

static gboolean list_directory(const VkArray *array, const char *directory, GPtrArray *found,
			       GError **error)
{
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD fd = vk_reflink_open_directory(directory, VK_REFLINK_READ, &trouble);
	g_autofree char *same = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autoptr(GDir) dir = fd < 0 ? NULL : g_dir_open(same, 0, error);
	const char *name;

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (fd < 0)
		g_propagate_error(error, g_steal_pointer(&trouble));
	if (!dir)
		return FALSE;
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		g_ptr_array_add(found, snapshot_of_directory(array, path));
	}
	return TRUE;
}

static GPtrArray *reflink_list(VkArray *array, const VkArrayDisk *base, const char *vault_id,
			       const char *uuid, GError **error)
{
	const VkReflinkDisk *disk = (const VkReflinkDisk *)base;
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_snapshot_free);

	for (guint i = 0; i < disk->layers->len; i++) {
		const VkArrayLayer *layer = g_ptr_array_index(disk->layers, i);
		g_autofree char *directory =
			vk_reflink_guest_directory(layer->path, vault_id, uuid);

		if (!list_directory(array, directory, found, error))
			return NULL;
	}
	return g_steal_pointer(&found);
}

static gboolean reflink_remove(VkArray *array, const json_t *handle, GError **error)
{
	const char *directory;

	return vk_json_string(handle, "directory", &directory, error) &&
	       check_ours(directory, error) && vk_reflink_remove_directory(directory, error);
}

static gboolean reflink_set_listed(VkArray *array, const json_t *handle, gboolean listed,
				   GError **error)
{
	const char *directory;

	return vk_json_string(handle, "directory", &directory, error) &&
	       check_ours(directory, error) && vk_reflink_set_listed(directory, listed, error);
}

static void reflink_free(VkArray *array)
{
	g_free(array->name);
	g_free(array);
}

static const VkArrayOps reflink_ops = {
	.probe = reflink_probe,
	.disk_free = disk_free,
	.prepare = vk_reflink_prepare,
	.snap = vk_reflink_snap,
	.settle = vk_reflink_settle,
	.copy = vk_reflink_copy,
	.keep = vk_reflink_keep,
	.leave = vk_reflink_leave,
	.part_free = vk_reflink_part_free,
	.open = reflink_open,
	.has = reflink_has,
	.allocated = reflink_allocated,
	.reason = reflink_reason,
	.layers = reflink_layers,
	.layer_unchanged = reflink_layer_unchanged,
	.can_clone = reflink_can_clone,
	.clone = reflink_clone,
	.snapshots_of = reflink_snapshots_of,
	.list = reflink_list,
	.remove = reflink_remove,
	.set_listed = reflink_set_listed,
	.free = reflink_free,
};

static VkArray *reflink_create(const VkSettings *settings, const char *name, VkWarn warn,
			       GError **error)
{
	VkArray *array = g_new0(VkArray, 1);

	array->ops = &reflink_ops;
	array->name = g_strdup(name);
	return array;
}

const VkArrayDriver vk_reflink_driver = {
	.name = "reflink",
	.create = reflink_create,
	.capabilities = VK_ARRAY_PROBES_PATHS | VK_ARRAY_IS_BUILT_IN,
};
