/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies: each is read by its own array, or by one where it was replicated to. */
#include "array-priv.h"

#include "errors.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "source-file.h"
#include "source-image.h"

#include <fcntl.h>
#include <stdatomic.h>

#define SILENT_SEC 60

guint vk_array_count_layers(const json_t *copy)
{
	gsize count = json_array_size(json_object_get(copy, "layers"));

	return count <= VK_ARRAY_LAYERS_MAX ? (guint)count : 0;
}

static VkArray *array_of(const VkArrays *arrays, const json_t *copy, GError **error)
{
	const char *name = NULL;

	if (json_array_size(json_object_get(copy, "layers")) > VK_ARRAY_LAYERS_MAX) {
		vk_fail(error, VK_ERROR_DAMAGE, "the array copy has more than %u files",
			VK_ARRAY_LAYERS_MAX);
		return NULL;
	}
	return vk_json_string(copy, "array", &name, error) ? vk_arrays_find(arrays, name, error)
							   : NULL;
}

/*
 * The copy where it was replicated to. New reference. VK_ERROR_NOT_FOUND when it is nowhere else.
 */
static json_t *find_replica(const VkArrays *arrays, VkArray *array, const json_t *copy,
			    GError **error)
{
	if (array->ops->replica)
		return array->ops->replica(array, arrays->list, copy, error);
	vk_fail(error, VK_ERROR_NOT_FOUND, "the array '%s' does not replicate", array->name);
	return NULL;
}

/* In place of what ARRAY could not open because of TROUBLE. */
static json_t *resort_to_replica(const VkArrays *arrays, VkArray *array, const json_t *copy,
				 const GError *trouble, GError **error)
{
	g_autoptr(GError) obstacle = NULL;
	json_t *replica = find_replica(arrays, array, copy, &obstacle);

	if (replica)
		vk_log_debug("%s: its replica on '%s' is read", trouble->message,
			     vk_json_optional_string(replica, "array"));
	else if (g_error_matches(obstacle, VK_ERROR, VK_ERROR_NOT_FOUND))
		g_propagate_error(error, g_error_copy(trouble));
	else
		vk_fail(error, trouble->code, "%s; and of its replicas: %s", trouble->message,
			obstacle->message);
	return replica;
}

VkSource *vk_array_open_file(int fd, const char *path, int *ret_file, GError **error)
{
	VK_AUTOFD same = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	VkSource *source = vk_source_file_adopt(fd, path, error);

	if (!source)
		return NULL;
	*ret_file = same;
	same = -1;
	return source;
}

/* From the array, else from a replica. With *RET_FILE as the drivers have it. */
static VkSource *open_source(VkArrays *arrays, const json_t *copy, int *ret_file, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) replica = NULL;
	VkSource *source = array ? array->ops->open(array, copy, ret_file, &trouble) : NULL;

	if (array && !source)
		replica = resort_to_replica(arrays, array, copy, trouble, error);
	if (replica) {
		copy = replica;
		array = array_of(arrays, copy, error);
		source = array ? array->ops->open(array, copy, ret_file, error) : NULL;
	}
	return source;
}

VkSource *vk_arrays_open(VkArrays *arrays, const json_t *copy, GError **error)
{
	VK_AUTOFD file = -1;

	return open_source(arrays, copy, &file, error);
}

static VkImage *open_image(gpointer data, const json_t *copy, GError **error)
{
	int file = -1;
	VkSource *source = open_source(data, copy, &file, error);

	return source ? vk_source_image_new(source, file) : NULL;
}

VkImage *vk_arrays_open_image(VkArrays *arrays, const json_t *copy, GError **error)
{
	return vk_shared_images_open(arrays->images, copy, open_image, arrays, error);
}

/* A reader of many disks waits once for an array that does not answer, not for each. */
static gboolean has(gpointer data, const json_t *copy)
{
	VkArray *array = array_of(data, copy, NULL);
	g_autoptr(GError) trouble = NULL;
	gboolean found = FALSE;

	if (!array || g_get_monotonic_time() < atomic_load(&array->silent_until))
		return FALSE;
	if (array->ops->has(array, copy, &found, &trouble))
		return found;
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_FAILED))
		atomic_store(&array->silent_until,
			     g_get_monotonic_time() + (gint64)SILENT_SEC * G_USEC_PER_SEC);
	return FALSE;
}

static char *replica_of(gpointer data, const json_t *copy)
{
	VkArray *array = array_of(data, copy, NULL);
	g_autoptr(json_t) replica = array ? find_replica(data, array, copy, NULL) : NULL;

	return g_strdup(vk_json_optional_string(replica, "array"));
}

static VkImage *open_copy(gpointer data, const json_t *copy, GError **error)
{
	return vk_arrays_open_image(data, copy, error);
}

VkCopyReader vk_arrays_reader(VkArrays *arrays)
{
	return (VkCopyReader){.open = open_copy, .has = has, .replica = replica_of, .data = arrays};
}

gboolean vk_arrays_has(VkArrays *arrays, const json_t *copy, gboolean *ret, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);

	return array && array->ops->has(array, copy, ret, error);
}

gboolean vk_arrays_may_have_replica(VkArrays *arrays, const json_t *copy)
{
	VkArray *array = array_of(arrays, copy, NULL);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) replica = array ? find_replica(arrays, array, copy, &trouble) : NULL;

	return replica || !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND);
}

guint64 vk_arrays_allocated(VkArrays *arrays, const json_t *copy)
{
	VkArray *array = array_of(arrays, copy, NULL);

	return array ? array->ops->allocated(array, copy) : 0;
}

char *vk_arrays_reason(VkArrays *arrays, const json_t *copy)
{
	VkArray *array = array_of(arrays, copy, NULL);

	return array ? array->ops->reason(array, copy) : NULL;
}

GPtrArray *vk_arrays_layers(VkArrays *arrays, const json_t *copy, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);

	return array ? array->ops->layers(array, copy, error) : NULL;
}

gboolean vk_arrays_layer_unchanged(VkArrays *arrays, const json_t *copy, guint layer)
{
	VkArray *array = array_of(arrays, copy, NULL);

	return array && array->ops->layer_unchanged(array, copy, layer);
}

gboolean vk_arrays_can_clone(VkArrays *arrays, const json_t *copy, guint layer, const char *place)
{
	VkArray *array = array_of(arrays, copy, NULL);

	return array && array->ops->can_clone(array, copy, layer, place);
}

gboolean vk_arrays_clone(VkArrays *arrays, const json_t *copy, guint layer, const char *path,
			 gboolean *ret_done, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);

	return array && array->ops->clone(array, copy, layer, path, ret_done, error);
}

GPtrArray *vk_arrays_snapshots_of(VkArrays *arrays, const json_t *copy, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);

	return array ? array->ops->snapshots_of(array, copy, error) : NULL;
}

GPtrArray *vk_arrays_replications(VkArrays *arrays, const json_t *copy, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);

	if (!array)
		return NULL;
	if (!array->ops->replications)
		return g_ptr_array_new_with_free_func((GDestroyNotify)vk_replication_free);
	return array->ops->replications(array, arrays->list, copy, error);
}

gboolean vk_arrays_replicate(VkArrays *arrays, const json_t *copy, guint wait_sec, GError **error)
{
	VkArray *array = array_of(arrays, copy, error);

	if (!array)
		return FALSE;
	return array->ops->replicate
		       ? array->ops->replicate(array, arrays->list, copy, wait_sec, error)
		       : vk_fail(error, VK_ERROR_NOT_FOUND, "the array '%s' does not replicate",
				 array->name);
}
