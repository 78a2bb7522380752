/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning which disks an array gives back by itself, in O(1). A disk of one file is cloned to
 * wherever the array reaches. A disk with backing files is cloned only to its old place. Unchanged
 * backing files are used as they are. Changed ones are restored beside the present ones, because
 * other images may use these. At another place the disk becomes one file that needs no other.
 */
#include "planner-priv.h"

#include "new-file.h"

#include <string.h>
#include <sys/stat.h>

/* A file name has at most 255 bytes; the decoration takes 33, what sets aside another 30. */
#define BASE_NAME_KEPT 180

static VkRestoreClone *clone_new(const json_t *copy, const GPtrArray *layers, guint number)
{
	const VkArrayLayer *layer = g_ptr_array_index(layers, number);
	VkRestoreClone *clone = g_new0(VkRestoreClone, 1);

	clone->copy = copy;
	clone->layer = number;
	clone->format = g_strdup(layer->format);
	return clone;
}

/* How many of the layers below the image must be brought back: down to the last that changed. */
static guint count_changed(const VkFacts *facts, const json_t *copy, guint count)
{
	for (guint i = count; i-- > 1;)
		if (!facts->ops->layer_unchanged(facts, copy, i))
			return i;
	return 0;
}

/* Where the file PATH is to be. */
static gboolean can_clone(const VkFacts *facts, const json_t *copy, guint layer, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);

	return facts->ops->can_clone(facts, copy, layer, directory);
}

/*
 * A new name beside the original, with the snapshot's time in it. No leading dot: that marks files
 * that are not whole. New string.
 */
static char *backing_path(const VkRestorePlan *plan, const VkArrayLayer *layer)
{
	g_autofree char *directory = g_path_get_dirname(layer->path);
	g_autofree char *base = g_path_get_basename(layer->path);
	g_autofree char *name = NULL;
	const char *start = base + strspn(base, ".");

	name = g_strdup_printf("%.*s" VK_NEW_FILE_MARK "%s-%06x", BASE_NAME_KEPT, start,
			       vk_view_snapshot(plan->view)->time, g_random_int() & 0xffffff);
	return g_build_filename(directory, name, NULL);
}

/* The path comes from the snapshot. Beside the disk itself a file may be wherever that may be. */
static gboolean set_backing_place(VkRestoreItem *item, const char *path, const VkRestoreItem *disk,
				  GError **error)
{
	g_autofree char *beside = g_path_get_dirname(disk->place.path);

	return (vk_planner_lies_in(path, beside) ||
		vk_planner_check_place(path, item->name, error)) &&
	       vk_place_set(item, path, VK_REPLACE_NO, FALSE, "", error);
}

static VkRestoreItem *add_backing_item(VkRestorePlan *plan, const VkRestoreItem *disk,
				       const GPtrArray *layers, guint number, GError **error)
{
	const VkArrayLayer *layer = g_ptr_array_index(layers, number);
	g_autofree char *name = g_strdup_printf("%s-backing-%u", disk->name, number);
	g_autofree char *path = backing_path(plan, layer);
	VkRestoreItem *item = vk_restore_plan_add_item(plan, name, FALSE, 0);
	struct stat st;

	if (!set_backing_place(item, path, disk, error))
		return NULL;
	item->clone = clone_new(disk->record->array, layers, number);
	if (lstat(layer->path, &st) == 0) {
		item->place.mode = st.st_mode & 0777;
		item->place.uid = st.st_uid;
		item->place.gid = st.st_gid;
	}
	return item;
}

static gboolean clone_chain(VkRestorePlan *plan, VkRestoreItem *disk, const GPtrArray *layers,
			    guint changed, GError **error)
{
	VkRestoreClone *above = disk->clone = clone_new(disk->record->array, layers, 0);

	above->kept_from = changed + 1;
	above->kept_to = layers->len;
	for (guint i = 1; i <= changed; i++) {
		const VkRestoreItem *item = add_backing_item(plan, disk, layers, i, error);

		if (!item)
			return FALSE;
		above->backing = g_strdup(item->path);
		above->backing_format = g_strdup(item->clone->format);
		above = item->clone;
	}
	return TRUE;
}

/* A layer that is in a pool; NULL: all are files or devices. */
static const VkArrayLayer *find_in_pool(const GPtrArray *layers)
{
	for (guint i = 0; i < layers->len; i++) {
		const VkArrayLayer *layer = g_ptr_array_index(layers, i);

		if (!layer->path)
			return layer;
	}
	return NULL;
}

/* Why the disk cannot be cloned to its place; NULL: it can. New string. */
static char *find_obstacle(const VkFacts *facts, const VkRestoreItem *disk, const GPtrArray *layers)
{
	const json_t *copy = disk->record->array;
	const VkArrayLayer *image = g_ptr_array_index(layers, 0);
	const VkArrayLayer *in_pool = find_in_pool(layers);
	const char *place = disk->place.path;

	if (in_pool)
		return g_strdup_printf("the copy on the array is '%s' in the pool '%s', not a file",
				       in_pool->image, in_pool->pool);
	if (disk->place.kind == VK_PLACE_BLOCK)
		return facts->ops->can_clone(facts, copy, 0, disk->place.path)
			       ? NULL
			       : g_strdup("it goes to a block device");
	if (strcmp(disk->place.format, image->format) != 0)
		return g_strdup_printf("the copy on the array is '%s'", image->format);
	if (layers->len > 1 && strcmp(place, image->path) != 0)
		return g_strdup_printf("its backing files belong to '%s': it becomes one file",
				       image->path);
	if (!can_clone(facts, copy, 0, place))
		return g_strdup("its place is out of the array's reach");
	for (guint i = count_changed(facts, copy, layers->len); i > 0; i--) {
		const VkArrayLayer *layer = g_ptr_array_index(layers, i);

		if (!can_clone(facts, copy, i, layer->path))
			return g_strdup_printf("the array cannot bring back its backing file '%s'",
					       layer->path);
	}
	return NULL;
}

static gboolean clone_disk(VkRestorePlan *plan, VkRestoreItem *disk, const VkFacts *facts,
			   GError **error)
{
	const json_t *copy = disk->record->array;
	g_autoptr(GPtrArray) layers = facts->ops->layers(facts, copy);

	if (!layers || layers->len == 0) {
		disk->why_copied = g_strdup("the array no longer has its copy");
		return TRUE;
	}
	disk->why_copied = find_obstacle(facts, disk, layers);
	return disk->why_copied ||
	       clone_chain(plan, disk, layers, count_changed(facts, copy, layers->len), error);
}

gboolean vk_planner_clone_disks(VkRestorePlan *plan, const VkFacts *facts, GError **error)
{
	guint count = plan->items->len;

	for (guint i = 0; i < count; i++) {
		VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->is_disk && item->record->array && !clone_disk(plan, item, facts, error))
			return FALSE;
	}
	/* Backing files get their names before the files above them: the deepest first. */
	for (guint i = count; i < plan->items->len; i++)
		g_ptr_array_insert(plan->items, 0, g_ptr_array_steal_index(plan->items, i));
	return TRUE;
}
