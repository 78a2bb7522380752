/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies: disks in snapshots of volumes, and how they are read. */
#include "errors.h"
#include "io.h"
#include "json.h"
#include "qemu-image.h"
#include "source-served.h"
#include "ontap-lun.h"
#include "ontap-snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define RETRY_WAIT_US (G_USEC_PER_SEC / 5)

/* It never lists .snapshot, because servers may hide it. The cache of NFS may be wrong once. */
static gboolean is_readable(const VkOntapStored *layer, GError **error)
{
	g_autofree char *path = layer->lun ? NULL : vk_ontap_path_of(layer);
	struct stat info;

	if (!path)
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is a LUN", layer->path);
	if (stat(path, &info) == 0)
		return TRUE;
	if (errno == ESTALE || errno == ENOENT) {
		g_usleep(RETRY_WAIT_US);
		if (stat(path, &info) == 0)
			return TRUE;
	}
	return vk_fail_errno(error, errno, "the array snapshot cannot be read at '%s'", path);
}

static VkSource *open_chain(const json_t *copy, guint count, GError **error)
{
	g_autofree VkQemuLayer *layers = g_new0(VkQemuLayer, count);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < count; i++) {
		VkOntapStored layer;

		if (!vk_ontap_read_layer(copy, i, &layer, error) || !is_readable(&layer, error))
			return NULL;
		g_ptr_array_add(paths, vk_ontap_path_of(&layer));
		layers[i] =
			(VkQemuLayer){.path = g_ptr_array_index(paths, i), .format = layer.format};
	}
	return vk_qemu_check_data(layers, count, error)
		       ? vk_source_served_new(layers, count, NULL, error)
		       : NULL;
}

/* A file that holds just what the disk does, or NULL. New string. */
static char *find_plain_file(const json_t *copy)
{
	VkOntapStored layer;

	if (vk_array_count_layers(copy) != 1 || !vk_ontap_read_layer(copy, 0, &layer, NULL) ||
	    strcmp(layer.format, "raw") != 0 || !is_readable(&layer, NULL))
		return NULL;
	return vk_ontap_path_of(&layer);
}

static VkSource *open_file(const char *path, int *ret_file, GError **error)
{
	/* The path had no links when it was taken, and a FIFO must not hold us up. */
	int fd = vk_io_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, error);

	return fd < 0 ? NULL : vk_array_open_file(fd, path, ret_file, error);
}

VkSource *vk_ontap_open(VkArray *array, const json_t *copy, int *ret_file, GError **error)
{
	g_autofree char *file = find_plain_file(copy);
	guint count = vk_array_count_layers(copy);
	VkOntapStored first;

	if (file)
		return open_file(file, ret_file, error);
	if (count == 1 && vk_ontap_read_layer(copy, 0, &first, NULL) && first.lun)
		return vk_ontap_open_lun((VkOntap *)array, &first, error);
	if (count > 0)
		return open_chain(copy, count, error);
	vk_fail(error, VK_ERROR_DAMAGE, "the array copy names no layer");
	return NULL;
}

static gboolean is_seen(const VkOntapStored *layer)
{
	g_autofree char *path = layer->lun ? NULL : vk_ontap_path_of(layer);
	struct stat info;

	return path && stat(path, &info) == 0;
}

/* A file that is there is enough. If none is, the mount may be the reason: only the array knows. */
gboolean vk_ontap_has(VkArray *array, const json_t *copy, gboolean *ret, GError **error)
{
	guint count = vk_array_count_layers(copy);

	*ret = count > 0;
	for (guint i = 0; *ret && i < count; i++) {
		g_autoptr(json_t) found = NULL;
		VkOntapStored layer;

		if (!vk_ontap_read_layer(copy, i, &layer, error))
			return FALSE;
		if (is_seen(&layer))
			continue;
		if (!vk_ontap_find_snapshot((VkOntap *)array, layer.volume, layer.snapshot, 0,
					    &found, error))
			return FALSE;
		*ret = found != NULL;
	}
	return TRUE;
}

guint64 vk_ontap_allocated(VkArray *array, const json_t *copy)
{
	guint count = vk_array_count_layers(copy);
	guint64 total = 0;

	for (guint i = 0; i < count; i++) {
		VkOntapStored layer;

		if (vk_ontap_read_layer(copy, i, &layer, NULL))
			total += layer.allocated;
	}
	return total;
}

char *vk_ontap_reason(VkArray *array, const json_t *copy)
{
	g_autoptr(GHashTable) volumes =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint count = vk_array_count_layers(copy), alone = 0;
	VkOntapStored layer = {0};

	for (guint i = 0; i < count; i++) {
		if (!vk_ontap_read_layer(copy, i, &layer, NULL))
			return NULL;
		g_hash_table_add(volumes, g_strdup(layer.volume));
		alone += strcmp(layer.how, VK_ONTAP_BY_GROUP) != 0;
	}
	if (g_hash_table_size(volumes) == 1)
		return g_strdup_printf("its volume '%s' was snapshotted by the array",
				       layer.volume_name);
	return g_strdup_printf(
		"its %u volumes were snapshotted by the array, %s", g_hash_table_size(volumes),
		alone ? "one after another while the guest was held" : "fenced together");
}

GPtrArray *vk_ontap_layers(VkArray *array, const json_t *copy, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	guint count = vk_array_count_layers(copy);

	for (guint i = 0; i < count; i++) {
		VkOntapStored layer;

		if (!vk_ontap_read_layer(copy, i, &layer, error))
			return NULL;
		g_ptr_array_add(layers, vk_array_layer_new(layer.original, layer.format));
	}
	return g_steal_pointer(&layers);
}

gboolean vk_ontap_layer_unchanged(VkArray *array, const json_t *copy, guint number)
{
	VkOntapStored layer;
	struct stat now;

	return vk_ontap_read_layer(copy, number, &layer, NULL) && !layer.lun &&
	       stat(layer.original, &now) == 0 && now.st_ino == layer.inode &&
	       (guint64)now.st_size == layer.size &&
	       (guint64)now.st_mtim.tv_sec * 1000000000 + (guint64)now.st_mtim.tv_nsec ==
		       layer.mtime_ns;
}

GPtrArray *vk_ontap_snapshots_of(VkArray *array, const json_t *copy, GError **error)
{
	VkOntap *ontap = (VkOntap *)array;
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_snapshot_free);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint count = vk_array_count_layers(copy);

	for (guint i = 0; i < count; i++) {
		g_autoptr(json_t) record = NULL;
		VkArraySnapshot *snapshot;
		VkOntapStored layer;

		if (!vk_ontap_read_layer(copy, i, &layer, error))
			return NULL;
		if (!g_hash_table_add(seen, g_strdup(layer.volume)))
			continue;
		if (!vk_ontap_find_snapshot(ontap, layer.volume, layer.snapshot, 0, &record, error))
			return NULL;
		snapshot = record ? vk_ontap_snapshot_of_record(ontap, layer.volume, record) : NULL;
		if (snapshot)
			g_ptr_array_add(found, snapshot);
	}
	return g_steal_pointer(&found);
}
