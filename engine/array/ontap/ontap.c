/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NetApp ONTAP over its REST interface: images on NFS exports, and raw LUNs. Their volumes are
 * snapshotted as a whole.
 */
#include "ontap.h"

#include "errors.h"
#include "ontap-lun.h"
#include "ontap-snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STALE_SEC_MIN  3600
#define STALE_REQUESTS 5 /* of a set that may take as long as they may */

static void layer_free(gpointer data)
{
	VkOntapLayer *layer = data;

	vk_ontap_place_clear(&layer->place);
	g_free(layer->original);
	g_free(layer->format);
	g_free(layer);
}

static void disk_free(VkArrayDisk *base)
{
	VkOntapDisk *disk = (VkOntapDisk *)base;

	g_ptr_array_unref(disk->layers);
	g_free(disk);
}

static VkOntapLayer *probe_layer(VkOntap *ontap, const VkArrayLayer *layer, GError **error)
{
	g_autofree char *path = realpath(layer->path, NULL);
	VkOntapLayer *found;
	struct stat info;

	if (!path || stat(path, &info) < 0) {
		vk_fail_errno(error, errno, "cannot examine '%s'", layer->path);
		return NULL;
	}
	found = g_new0(VkOntapLayer, 1);
	found->format = g_strdup(layer->format);
	/* The names of devices change, but for the links to them. */
	found->original = g_strdup(vk_ontap_is_device(path, &info) ? layer->path : path);
	if (vk_ontap_is_device(path, &info) ? vk_ontap_locate_lun(ontap, path, &found->place, error)
					    : vk_ontap_locate(ontap, path, &found->place, error))
		return found;
	layer_free(found);
	return NULL;
}

/* A chain is read as files, and a LUN by a clone of it. */
static gboolean check_layers(const VkOntapDisk *disk, GError **error)
{
	for (guint i = 0; i < disk->layers->len; i++) {
		const VkOntapLayer *layer = g_ptr_array_index(disk->layers, i);

		if (layer->place.lun &&
		    (disk->layers->len > 1 || strcmp(layer->format, "raw") != 0))
			return vk_fail(
				error, VK_ERROR_FAILED,
				"'%s': a LUN can be taken as a raw disk only, not as '%s' or "
				"with backing files",
				layer->original, layer->format);
	}
	return TRUE;
}

static VkArrayDisk *probe_failed(VkOntapDisk *disk)
{
	g_ptr_array_unref(disk->base.volumes);
	disk_free(&disk->base);
	return NULL;
}

/* Volumes that any two guests share are to have the same name for both. */
static void add_volume(VkOntapDisk *disk, const VkArray *array, const VkOntapPlace *place)
{
	g_autofree char *name =
		g_strdup_printf("%s:%s:%s", array->name, place->svm, place->volume_name);

	if (!g_ptr_array_find_with_equal_func(disk->base.volumes, name, g_str_equal, NULL))
		g_ptr_array_add(disk->base.volumes, g_steal_pointer(&name));
}

static VkArrayDisk *ontap_probe(VkArray *array, const GPtrArray *layers, GError **error)
{
	VkOntapDisk *disk = g_new0(VkOntapDisk, 1);

	disk->base.volumes = g_ptr_array_new_with_free_func(g_free);
	disk->layers = g_ptr_array_new_with_free_func(layer_free);
	for (guint i = 0; i < layers->len; i++) {
		const VkArrayLayer *layer = g_ptr_array_index(layers, i);
		VkOntapLayer *found = probe_layer((VkOntap *)array, layer, error);

		if (!found) {
			g_prefix_error(error, "'%s': ", layer->path);
			return probe_failed(disk);
		}
		g_ptr_array_add(disk->layers, found);
		add_volume(disk, array, &found->place);
	}
	return check_layers(disk, error) ? &disk->base : probe_failed(disk);
}

static void ontap_free(VkArray *array)
{
	VkOntap *ontap = (VkOntap *)array;

	vk_ontap_lists_free(ontap->lists);
	vk_ontap_rest_free(ontap->rest);
	g_free(ontap->svm);
	g_free(ontap->run_dir);
	g_free(array->name);
	g_free(array);
}

static const VkArrayOps ontap_ops = {
	.probe = ontap_probe,
	.disk_free = disk_free,
	.prepare = vk_ontap_prepare,
	.snap = vk_ontap_snap,
	.settle = vk_ontap_settle,
	.copy = vk_ontap_part_copy,
	.keep = vk_ontap_keep,
	.leave = vk_ontap_leave,
	.part_free = vk_ontap_part_free,
	.open = vk_ontap_open,
	.has = vk_ontap_has,
	.allocated = vk_ontap_allocated,
	.reason = vk_ontap_reason,
	.layers = vk_ontap_layers,
	.layer_unchanged = vk_ontap_layer_unchanged,
	.can_clone = vk_ontap_can_clone,
	.clone = vk_ontap_clone,
	.snapshots_of = vk_ontap_snapshots_of,
	.list = vk_ontap_list_snapshots,
	.remove = vk_ontap_remove_snapshot,
	.set_listed = vk_ontap_set_listed,
	.replications = vk_ontap_replications,
	.replicate = vk_ontap_replicate,
	.replica = vk_ontap_replica,
	.free = ontap_free,
};

/*
 * A consistency group lives from the preparation of a set until it is settled, and clocks differ.
 */
static gint64 stale_seconds(const VkSettings *settings, const char *name)
{
	const char *timeout = vk_settings_get_named(settings, "array", name, "timeout");
	gint64 request_sec = MAX(g_ascii_strtoll(timeout, NULL, 10), 1);
	gint64 operation_sec =
		(gint64)vk_settings_get_uint(settings, "backup", "operation_timeout");

	return MAX(STALE_SEC_MIN, operation_sec + STALE_REQUESTS * request_sec);
}

static VkArray *ontap_create(const VkSettings *settings, const char *name, VkWarn warn,
			     GError **error)
{
	VkOntapRest *rest = vk_ontap_rest_new(settings, name, warn, error);
	VkOntap *ontap;

	if (!rest)
		return NULL;
	ontap = g_new0(VkOntap, 1);
	ontap->base.ops = &ontap_ops;
	ontap->base.name = g_strdup(name);
	ontap->rest = rest;
	ontap->warn = warn;
	ontap->lists = vk_ontap_lists_new();
	ontap->svm = g_strdup(vk_settings_get_named(settings, "array", name, "svm"));
	ontap->run_dir = g_strdup(vk_settings_get(settings, "backup", "run_dir"));
	ontap->stale_sec = stale_seconds(settings, name);
	return &ontap->base;
}

const VkArrayDriver vk_ontap_driver = {
	.name = VK_DRIVER_ONTAP,
	.create = ontap_create,
	.capabilities = VK_ARRAY_PROBES_PATHS | VK_ARRAY_SNAPS_VOLUMES,
};
