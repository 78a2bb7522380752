/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies that the array has no more, on the destinations of its relationships: snapshots keep their
 * names there, and the host reads them where it has the volume of the destination mounted.
 */
#include "errors.h"
#include "json.h"
#include "mounts.h"
#include "nfs-path.h"
#include "ontap-path.h"
#include "ontap-relation.h"
#include "ontap-snapshot.h"

#include <string.h>
#include <sys/stat.h>

/* A layer, and its replica on one array. */
typedef struct Wanted {
	const VkOntapStored *layer;
	const json_t *entry; /* the layer in the copy */
	json_t *found;       /* and as it would be in a copy on the destination */
	GString *obstacles;  /* why replicas cannot be read */
} Wanted;

/* A volume of a destination. */
typedef struct Volume {
	VkOntap *ontap;
	const char *path; /* "svm:volume" */
	const char *uuid, *name, *svm, *junction;
	json_t *others; /* all volumes of the SVM's name space */
} Volume;

G_GNUC_PRINTF(2, 3) static void add_obstacle(GString *obstacles, const char *format, ...)
{
	va_list list;

	if (obstacles->len)
		g_string_append(obstacles, "; ");
	va_start(list, format);
	g_string_append_vprintf(obstacles, format, list);
	va_end(list);
}

typedef int (*Compare)(const char *left, const char *right, gsize length);

/* The rest of PATH below OUTER ("" and "/" have all). NULL when it does not lie there. */
static const char *rest_below(const char *path, const char *outer, Compare compare)
{
	gsize length = strcmp(outer, "/") == 0 ? 0 : strlen(outer);

	if (length == 0)
		return path + (*path == '/');
	if (compare(path, outer, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return path + length + (path[length] == '/');
}

/* Whether the file that was taken is where LAYER has it. */
static gboolean is_file(const VkOntapStored *layer)
{
	g_autofree char *path = vk_ontap_path_of(layer);
	struct stat info;

	return stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
	       (guint64)info.st_size == layer->size;
}

/* Whether PATH of the name space is in VOLUME, and not in one whose junction is in there. */
static gboolean is_inside(const Volume *volume, const char *path, const char **ret_inside)
{
	const json_t *found = vk_ontap_find_volume(volume->others, path, ret_inside);

	return g_strcmp0(vk_json_optional_string(found, "uuid"), volume->uuid) == 0;
}

/* Another server may have the like of it. */
static gboolean is_server(const Volume *volume, const char *host)
{
	g_autofree char *svm = vk_ontap_find_svm(volume->ontap, host, NULL);

	return g_strcmp0(svm, volume->svm) == 0;
}

/*
 * A layer of a copy on VOLUME, by a mount of HOST's MOUNTED: that is it, or some directory above or
 * below. It looks at a file only when all else fits, because mounts of dead servers hang. New
 * reference.
 */
static json_t *place_on(const VkMountFacts *mount, const char *host, const char *mounted,
			const Volume *volume, const Wanted *wanted)
{
	/* Junctions have no case, what lies in volumes has. */
	const char *outside = rest_below(volume->junction, mounted, g_ascii_strncasecmp);
	const char *inside = NULL;
	gboolean is_in = is_inside(volume, mounted, &inside);
	g_autofree char *root = g_build_filename(mount->mountpoint, is_in ? NULL : outside, NULL);
	VkOntapStored layer = *wanted->layer;
	json_t *entry;

	if (!is_in && !outside)
		return NULL;
	layer.root = root;
	layer.below = is_in ? rest_below(layer.path, inside, strncmp) : layer.path;
	if (!layer.below || !*layer.below || !is_server(volume, host) || !is_file(&layer))
		return NULL;
	entry = json_deep_copy(wanted->entry);
	json_object_set_new(entry, "svm", vk_json_new_string(volume->svm));
	json_object_set_new(entry, "volume", vk_json_new_string(volume->uuid));
	json_object_set_new(entry, "volume_name", vk_json_new_string(volume->name));
	json_object_set_new(entry, "root", vk_json_new_string(layer.root));
	json_object_set_new(entry, "below", vk_json_new_string(layer.below));
	return entry;
}

/* The same by any mount of the host. */
static json_t *place(const VkMounts *mounts, const Volume *volume, const Wanted *wanted)
{
	g_autoptr(GPtrArray) list = vk_mounts_of_type(mounts, "nfs");
	json_t *found = NULL;

	for (guint i = 0; !found && i < list->len; i++) {
		const VkMountFacts *mount = g_ptr_array_index(list, i);
		g_autofree char *host = NULL;
		g_autofree char *export = NULL;
		g_autofree char *mounted = NULL;

		if (!vk_nfs_parse_source(mount->source, &host, &export))
			continue;
		mounted = vk_nfs_join(export, mount->root, NULL);
		found = place_on(mount, host, mounted, volume, wanted);
	}
	return found;
}

static gboolean find_in(Volume *volume, Wanted *wanted, GError **error)
{
	g_autoptr(VkMounts) mounts = vk_ontap_load_mounts(error);
	g_autoptr(json_t) others =
		mounts ? vk_ontap_name_space(volume->ontap, volume->svm ? volume->svm : "", error)
		       : NULL;

	if (!others)
		return FALSE;
	volume->others = others;
	wanted->found = volume->junction ? place(mounts, volume, wanted) : NULL;
	if (!wanted->found)
		add_obstacle(wanted->obstacles, "'%s' of the array '%s' has it, %s", volume->path,
			     volume->ontap->base.name,
			     volume->junction ? "but no mount of this host does: mount it by NFS"
					      : "but is in no name space: give it a junction");
	return TRUE;
}

static gboolean look(const VkOntapSearch *search, VkOntap *destination, const json_t *record,
		     gpointer data, GError **error)
{
	Wanted *wanted = data;
	const char *path = vk_json_nested_string(record, "destination", "path");
	g_autoptr(json_t) volume = path ? vk_ontap_volume_of(destination, path, error) : NULL;
	const char *uuid = vk_json_optional_string(volume, "uuid");
	g_autoptr(json_t) snapshot = NULL;

	if (!volume ||
	    !vk_ontap_find_snapshot(destination, uuid, search->snapshot, 0, &snapshot, error))
		return !path;
	if (!snapshot || wanted->found)
		return TRUE;
	if (wanted->layer->lun) {
		add_obstacle(wanted->obstacles,
			     "'%s' of the array '%s' has it, but LUNs are not read from there: "
			     "make a clone of that volume",
			     path, destination->base.name);
		return TRUE;
	}
	return find_in(&(Volume){.ontap = destination,
				 .path = path,
				 .uuid = uuid,
				 .name = vk_json_optional_string(volume, "name"),
				 .svm = vk_json_nested_string(volume, "svm", "name"),
				 .junction = vk_json_nested_string(volume, "nas", "path")},
		       wanted, error);
}

/* The copy on DESTINATION, if that has all layers. New reference. */
static json_t *find_on(VkOntap *source, const GPtrArray *arrays, VkOntap *destination,
		       const json_t *copy, GString *obstacles)
{
	g_autoptr(json_t) found = json_deep_copy(copy);
	json_t *layers = json_object_get(found, "layers");

	json_object_set_new(found, "array", vk_json_new_string(destination->base.name));
	for (guint i = 0; i < json_array_size(layers); i++) {
		g_autofree char *path = NULL;
		g_autoptr(GError) trouble = NULL;
		VkOntapStored layer;
		Wanted wanted = {.layer = &layer,
				 .entry = json_array_get(layers, i),
				 .obstacles = obstacles};
		guint count = 0;

		if (!vk_ontap_read_layer(copy, i, &layer, &trouble)) {
			add_obstacle(obstacles, "%s", trouble->message);
			return NULL;
		}
		path = g_strdup_printf("%s:%s", layer.svm, layer.volume_name);
		VkOntapSearch search = {.arrays = arrays,
					.source = source,
					.snapshot = layer.snapshot,
					.path = path};
		/* A host that may not ask for the relationship cannot read the replica either. */
		if (!vk_ontap_visit(&search, destination, look, &wanted, &count, &trouble) &&
		    !g_error_matches(trouble, VK_ERROR, VK_ERROR_DENIED))
			add_obstacle(obstacles, "%s", trouble->message);
		if (!wanted.found)
			return NULL;
		json_array_set_new(layers, i, wanted.found);
	}
	return json_array_size(layers) ? g_steal_pointer(&found) : NULL;
}

json_t *vk_ontap_replica(VkArray *array, const GPtrArray *arrays, const json_t *copy,
			 GError **error)
{
	g_autoptr(GString) obstacles = g_string_new(NULL);
	json_t *found = NULL;

	for (guint i = 0; !found && i < arrays->len; i++) {
		VkArray *other = g_ptr_array_index(arrays, i);

		if (other->ops == array->ops && other != array)
			found = find_on((VkOntap *)array, arrays, (VkOntap *)other, copy,
					obstacles);
	}
	/* Last: it may be the one that is lost. */
	if (!found)
		found = find_on((VkOntap *)array, arrays, (VkOntap *)array, copy, obstacles);
	if (!found && obstacles->len)
		vk_fail(error, VK_ERROR_FAILED, "%s", obstacles->str);
	else if (!found)
		vk_fail(error, VK_ERROR_NOT_FOUND, "no array of the configuration has a replica");
	return found;
}
