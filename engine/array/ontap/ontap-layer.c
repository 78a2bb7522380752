/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-layer.h"

#include "errors.h"
#include "json.h"

#include <string.h>

#define SNAPSHOTS ".snapshot"

json_t *vk_ontap_layer_to_json(const VkOntapLayer *layer, const char *snapshot_name,
			       const char *how, const struct stat *info)
{
	const VkOntapPlace *place = &layer->place;
	json_t *json = json_object();

	json_object_set_new(json, "svm", vk_json_new_string(place->svm));
	json_object_set_new(json, "volume", vk_json_new_string(place->volume));
	json_object_set_new(json, "volume_name", vk_json_new_string(place->volume_name));
	json_object_set_new(json, "snapshot", vk_json_new_string(snapshot_name));
	json_object_set_new(json, "how", vk_json_new_string(how));
	json_object_set_new(json, "path", vk_json_new_string(place->path));
	if (place->lun) {
		json_object_set_new(json, "lun", vk_json_new_string(place->lun));
	} else {
		json_object_set_new(json, "root", vk_json_new_string(place->root));
		json_object_set_new(json, "below", vk_json_new_string(place->below));
	}
	json_object_set_new(json, "format", vk_json_new_string(layer->format));
	json_object_set_new(json, "of", vk_json_new_string(layer->original));
	json_object_set_new(json, "inode", vk_json_new_uint(info->st_ino));
	json_object_set_new(json, "size",
			    vk_json_new_uint(place->lun ? place->size : (guint64)info->st_size));
	json_object_set_new(
		json, "allocated",
		vk_json_new_uint(place->lun ? place->size : (guint64)info->st_blocks * 512));
	json_object_set_new(json, "mtime_ns",
			    vk_json_new_uint((guint64)info->st_mtim.tv_sec * 1000000000 +
					     (guint64)info->st_mtim.tv_nsec));
	return json;
}

/* Names with two dots in them are as good as others. */
static gboolean leads_up(const char *path)
{
	g_auto(GStrv) words = g_strsplit(path, "/", -1);

	return g_strv_contains((const char *const *)words, "..");
}

/* A vault may name only what lies in one of our snapshots. */
static gboolean is_ours(const VkOntapStored *layer)
{
	if (!g_str_has_prefix(layer->snapshot, VK_ONTAP_NAME_PREFIX) ||
	    strchr(layer->snapshot, '/') || !g_uuid_string_is_valid(layer->volume) ||
	    !*layer->path || leads_up(layer->path))
		return FALSE;
	if (layer->lun)
		return g_uuid_string_is_valid(layer->lun);
	return g_path_is_absolute(layer->root) && *layer->below && !leads_up(layer->below);
}

gboolean vk_ontap_read_layer(const json_t *copy, guint number, VkOntapStored *ret, GError **error)
{
	const json_t *layer = json_array_get(json_object_get(copy, "layers"), number);

	*ret = (VkOntapStored){.lun = vk_json_optional_string(layer, "lun")};
	if (!ret->lun && (!vk_json_string(layer, "root", &ret->root, error) ||
			  !vk_json_string(layer, "below", &ret->below, error)))
		return FALSE;
	if (!vk_json_string(layer, "svm", &ret->svm, error) ||
	    !vk_json_string(layer, "volume", &ret->volume, error) ||
	    !vk_json_string(layer, "volume_name", &ret->volume_name, error) ||
	    !vk_json_string(layer, "snapshot", &ret->snapshot, error) ||
	    !vk_json_string(layer, "how", &ret->how, error) ||
	    !vk_json_string(layer, "path", &ret->path, error) ||
	    !vk_json_string(layer, "format", &ret->format, error) ||
	    !vk_json_string(layer, "of", &ret->original, error) ||
	    !vk_json_uint(layer, "inode", &ret->inode, error) ||
	    !vk_json_uint(layer, "size", &ret->size, error) ||
	    !vk_json_uint(layer, "allocated", &ret->allocated, error) ||
	    !vk_json_uint(layer, "mtime_ns", &ret->mtime_ns, error))
		return FALSE;
	return is_ours(ret) || vk_fail(error, VK_ERROR_DAMAGE,
				       "'%s' of '%s' is not in an array snapshot of virtkeep",
				       ret->path, ret->snapshot);
}

char *vk_ontap_path_of(const VkOntapStored *layer)
{
	return g_build_filename(layer->root, SNAPSHOTS, layer->snapshot, layer->below, NULL);
}
