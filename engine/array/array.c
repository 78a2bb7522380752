/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which arrays there are, which of them has a disk, and their snapshots as a whole. */
#include "array-priv.h"

#include "errors.h"

#include <string.h>

static gboolean can(const VkArray *array, VkArrayCapabilities capability)
{
	return (array->driver->capabilities & capability) != 0;
}

static const VkArrayDriver *find_driver(const VkArrayDriver *const *drivers, const char *name)
{
	for (; *drivers; drivers++)
		if (strcmp((*drivers)->name, name) == 0)
			return *drivers;
	return NULL;
}

/* The drivers that a section may name: "'one' or 'other'". New string. */
static char *name_drivers(const VkArrayDriver *const *drivers)
{
	GString *names = g_string_new(NULL);

	for (; *drivers; drivers++)
		if (!((*drivers)->capabilities & VK_ARRAY_IS_BUILT_IN))
			g_string_append_printf(names, "%s'%s'", names->len ? " or " : "",
					       (*drivers)->name);
	return g_string_free(names, FALSE);
}

static gboolean refuse_driver(const VkArrayDriver *const *drivers, const VkSettings *settings,
			      const char *section, const char *name, GError **error)
{
	g_autofree char *names = name_drivers(drivers);

	return vk_fail(error, VK_ERROR_USAGE, "'%s': [array %s] driver: must be %s, not '%s'",
		       vk_settings_path(settings), section, names, name);
}

static gboolean add_array(VkArrays *arrays, const VkArrayDriver *driver, const VkSettings *settings,
			  const char *name, VkWarn warn, GError **error)
{
	VkArray *array = driver->create(settings, name, warn, error);

	if (!array)
		return FALSE;
	array->driver = driver;
	g_ptr_array_add(arrays->list, array);
	return TRUE;
}

static gboolean add_section(VkArrays *arrays, const VkArrayDriver *const *drivers,
			    const VkSettings *settings, const char *section, VkWarn warn,
			    GError **error)
{
	const char *name = vk_settings_get_named(settings, "array", section, "driver");
	const VkArrayDriver *driver = find_driver(drivers, name);
	const VkArrayDriver *same = find_driver(drivers, section);

	if (!driver || (driver->capabilities & VK_ARRAY_IS_BUILT_IN))
		return refuse_driver(drivers, settings, section, name, error);
	if (same && (same->capabilities & VK_ARRAY_IS_BUILT_IN))
		return vk_fail(error, VK_ERROR_USAGE,
			       "[array %s]: that name is taken, choose another one", section);
	return add_array(arrays, driver, settings, section, warn, error);
}

/* Configured arrays come first. Built-in drivers, which find their disks by a trial, come last. */
static gboolean add_arrays(VkArrays *arrays, const VkArrayDriver *const *drivers,
			   const VkSettings *settings, VkWarn warn, GError **error)
{
	g_auto(GStrv) sections = vk_settings_get_names(settings, "array");

	for (char **section = sections; *section; section++)
		if (!add_section(arrays, drivers, settings, *section, warn, error))
			return FALSE;
	for (; *drivers; drivers++)
		if (((*drivers)->capabilities & VK_ARRAY_IS_BUILT_IN) &&
		    !add_array(arrays, *drivers, settings, (*drivers)->name, warn, error))
			return FALSE;
	return TRUE;
}

VkArrays *vk_arrays_new_of(const VkArrayDriver *const *drivers, const VkSettings *settings,
			   VkWarn warn, GError **error)
{
	VkArrays *arrays = g_new0(VkArrays, 1);

	arrays->images = vk_shared_images_new();
	arrays->list = g_ptr_array_new();
	if (add_arrays(arrays, drivers, settings, warn, error))
		return arrays;
	vk_arrays_free(arrays);
	return NULL;
}

void vk_arrays_free(VkArrays *arrays)
{
	if (!arrays)
		return;
	for (guint i = 0; i < arrays->list->len; i++) {
		VkArray *array = g_ptr_array_index(arrays->list, i);

		array->ops->free(array);
	}
	g_ptr_array_unref(arrays->list);
	vk_shared_images_free(arrays->images);
	g_free(arrays);
}

gboolean vk_arrays_have_volumes(const VkArrays *arrays)
{
	for (guint i = 0; i < arrays->list->len; i++)
		if (can(g_ptr_array_index(arrays->list, i), VK_ARRAY_SNAPS_VOLUMES))
			return TRUE;
	return FALSE;
}

VkArrayLayer *vk_array_layer_new(const char *path, const char *format)
{
	VkArrayLayer *layer = g_new0(VkArrayLayer, 1);

	layer->path = g_strdup(path);
	layer->format = g_strdup(format);
	return layer;
}

VkArrayLayer *vk_array_layer_new_in_pool(const char *pool, const char *image, const char *format)
{
	VkArrayLayer *layer = vk_array_layer_new(NULL, format);

	layer->pool = g_strdup(pool);
	layer->image = g_strdup(image);
	return layer;
}

void vk_array_layer_free(VkArrayLayer *layer)
{
	if (!layer)
		return;
	g_free(layer->path);
	g_free(layer->pool);
	g_free(layer->image);
	g_free(layer->format);
	g_free(layer);
}

/* Whether ARRAY probes this kind of layers; else VK_ERROR_NOT_FOUND. */
static gboolean check_layers(const VkArray *array, const GPtrArray *layers, GError **error)
{
	for (guint i = 0; i < layers->len; i++) {
		const VkArrayLayer *layer = g_ptr_array_index(layers, i);

		if (layer->path && !can(array, VK_ARRAY_PROBES_PATHS))
			return vk_fail(error, VK_ERROR_NOT_FOUND, "'%s': it is not in a pool",
				       layer->path);
		if (!layer->path && !can(array, VK_ARRAY_PROBES_POOLS))
			return vk_fail(error, VK_ERROR_NOT_FOUND,
				       "'%s/%s': it is not a file or device of this host",
				       layer->pool, layer->image);
	}
	return TRUE;
}

static VkArrayDisk *probe(VkArray *array, const GPtrArray *layers, GError **error)
{
	VkArrayDisk *disk =
		check_layers(array, layers, error) ? array->ops->probe(array, layers, error) : NULL;

	if (disk)
		disk->array = array;
	return disk;
}

VkArrayDisk *vk_arrays_probe(VkArrays *arrays, const GPtrArray *layers, GError **error)
{
	g_autoptr(GString) reasons = g_string_new(NULL);
	g_autoptr(GError) first = NULL;

	if (layers->len > VK_ARRAY_LAYERS_MAX) {
		vk_fail(error, VK_ERROR_FAILED,
			"it consists of %u files, and an array snapshots at most %u: commit some "
			"('virsh blockcommit'), or use --mode vault",
			layers->len, VK_ARRAY_LAYERS_MAX);
		return NULL;
	}
	for (guint i = 0; i < arrays->list->len; i++) {
		VkArray *array = g_ptr_array_index(arrays->list, i);
		g_autoptr(GError) trouble = NULL;
		VkArrayDisk *disk;

		/*
		 * A built-in driver finds its disks by a trial, so its error matters less than that
		 * of a configured array.
		 */
		if (first && can(array, VK_ARRAY_IS_BUILT_IN))
			break;
		disk = probe(array, layers, &trouble);
		if (disk)
			return disk;
		/* One that does not answer need not be the one that has it. */
		if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			if (!first)
				first = g_steal_pointer(&trouble);
			continue;
		}
		g_string_append_printf(reasons, "%s%s: %s", reasons->len ? "; " : "", array->name,
				       trouble->message);
	}
	if (first)
		g_propagate_error(error, g_steal_pointer(&first));
	else
		vk_fail(error, VK_ERROR_FAILED, "no array can snapshot it, use --mode vault (%s)",
			reasons->str);
	return NULL;
}

void vk_array_disk_free(VkArrayDisk *disk)
{
	if (!disk)
		return;
	g_ptr_array_unref(disk->volumes);
	disk->array->ops->disk_free(disk);
}

const GPtrArray *vk_array_disk_volumes(const VkArrayDisk *disk)
{
	return disk->volumes;
}

VkArraySnapshot *vk_array_snapshot_new(const VkArray *array, const char *title, json_t *handle,
				       const char *id)
{
	VkArraySnapshot *snapshot = g_new0(VkArraySnapshot, 1);

	snapshot->array = g_strdup(array->name);
	snapshot->kind = "array snapshot";
	snapshot->title = g_strdup(title);
	snapshot->handle = handle;
	snapshot->id = g_strdup(id);
	return snapshot;
}

void vk_array_snapshot_free(VkArraySnapshot *snapshot)
{
	if (!snapshot)
		return;
	g_free(snapshot->array);
	g_free(snapshot->title);
	json_decref(snapshot->handle);
	g_free(snapshot->id);
	g_free(snapshot);
}

VkArray *vk_arrays_find(const VkArrays *arrays, const char *name, GError **error)
{
	for (guint i = 0; i < arrays->list->len; i++) {
		VkArray *array = g_ptr_array_index(arrays->list, i);

		if (strcmp(array->name, name) == 0)
			return array;
	}
	vk_fail(error, VK_ERROR_NOT_FOUND,
		"the array '%s' is not in the configuration: add its section '[array %s]'", name,
		name);
	return NULL;
}

GPtrArray *vk_arrays_list(VkArrays *arrays, const VkArrayDisk *disk, const char *vault_id,
			  const char *uuid, GError **error)
{
	return disk->array->ops->list(disk->array, disk, vault_id, uuid, error);
}

gboolean vk_arrays_remove(VkArrays *arrays, const VkArraySnapshot *snapshot, GError **error)
{
	VkArray *array = vk_arrays_find(arrays, snapshot->array, error);

	return array && array->ops->remove(array, snapshot->handle, error);
}

gboolean vk_arrays_set_listed(VkArrays *arrays, const VkArraySnapshot *snapshot, gboolean listed,
			      GError **error)
{
	VkArray *array = vk_arrays_find(arrays, snapshot->array, error);

	return array && array->ops->set_listed(array, snapshot->handle, listed, error);
}

void vk_replication_free(VkReplication *replication)
{
	if (!replication)
		return;
	g_free(replication->array);
	g_free(replication->source);
	g_free(replication->destination);
	g_free(replication->at);
	g_free(replication->kind);
	g_free(replication->state);
	g_free(replication->reason);
	g_free(replication->transfer_state);
	g_free(replication->transfer_end);
	g_free(replication->exported);
	g_ptr_array_unref(replication->snapshots);
	g_free(replication->advice);
	g_free(replication);
}
