/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning disks: which ones there are, where they were, and what the definition says of their new
 * place.
 */
#include "planner-priv.h"

#include "errors.h"
#include "qcow2-layout.h"

#include <string.h>

const VkDiskRecord *vk_planner_find_disk(const VkSnapshot *snapshot, const char *target,
					 GError **error)
{
	const VkDiskRecord *disk = vk_snapshot_find_disk(snapshot, target);
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *reference = NULL;

	if (disk)
		return disk;
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *other = g_ptr_array_index(snapshot->disks, i);

		g_string_append_printf(names, "%s%s", i ? ", " : "", other->target);
	}
	reference = vk_snapshot_reference(snapshot);
	vk_fail(error, VK_ERROR_NOT_FOUND, "'%s' has no disk '%s'; it has: %s", reference, target,
		names->len ? names->str : "none");
	return NULL;
}

VkRestoreItem *vk_planner_add_disk(VkRestorePlan *plan, const VkDiskRecord *disk,
				   const char *format)
{
	VkRestoreItem *item = vk_restore_plan_add_item(plan, disk->target, TRUE, disk->image->size);

	item->record = disk->image;
	item->layout = disk->layout;
	item->place.format = vk_place_format(format, disk->format);
	if (strcmp(item->place.format, "qcow2") == 0)
		item->place.options = vk_qcow2_layout_options(disk->layout);
	if (!format && g_strcmp0(item->place.format, disk->format) != 0)
		vk_restore_plan_note(plan, "disk '%s' was '%s' and is restored as raw",
				     disk->target,
				     disk->format ? disk->format : "of unknown format");
	return item;
}

static char *volume_path(VkPlanner *planner, const VkDomainImage *image, GError **error)
{
	g_autofree char *directory = NULL;
	char *path =
		planner->facts->ops->volume_path(planner->facts, image->pool, image->volume, NULL);

	if (path)
		return path;
	directory = planner->facts->ops->pool_directory(planner->facts, image->pool, error);
	if (!directory)
		return NULL;
	/* A pool of block devices: a file there would vanish with the next boot. */
	if (vk_place_is_device_path(directory)) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "the pool '%s' has no volume '%s'", image->pool,
			image->volume);
		return NULL;
	}
	return g_build_filename(directory, image->volume, NULL);
}

char *vk_planner_original_path(VkPlanner *planner, const VkDiskRecord *record, GError **error)
{
	const VkDomainDisk *disk = vk_domain_find_disk(planner->domain, record->target);
	const VkDomainImage *image = disk ? disk->image : NULL;
	char *path;

	if (image && image->path)
		return g_strdup(image->path);
	if (image && image->pool && image->volume) {
		path = volume_path(planner, image, error);
		if (!path)
			g_prefix_error(error, "cannot tell where disk '%s' goes, use --to DIR: ",
				       record->target);
		return path;
	}
	/* A disk that was attached to the running guest only. */
	if (!image && record->source && g_path_is_absolute(record->source))
		return g_strdup(record->source);
	vk_fail(error, VK_ERROR_FAILED,
		"disk '%s' was on '%s', which is not on this host's file systems: use --to DIR",
		record->target, record->source ? record->source : "an unknown place");
	return NULL;
}

/*
 * Whether DISK's definition names ITEM's place already, if only by a pool: then it is left alone.
 */
static gboolean stays(VkPlanner *planner, const VkDomainDisk *disk, const VkRestoreItem *item)
{
	const VkDomainImage *image = disk->image;
	g_autofree char *path = NULL;

	if (!image || (g_strcmp0(image->type, "block") == 0 && item->place.kind != VK_PLACE_BLOCK))
		return FALSE;
	if (image->path)
		return g_strcmp0(image->path, item->path) == 0;
	if (image->pool && image->volume)
		path = volume_path(planner, image, NULL);
	return g_strcmp0(path, item->path) == 0;
}

gboolean vk_planner_move_disk(VkPlanner *planner, const VkRestoreItem *item, GError **error)
{
	const VkDomainDisk *disk = vk_domain_find_disk(planner->written, item->name);
	VkDomainNewDisk place = {
		.target = item->name,
		.type = item->place.kind == VK_PLACE_BLOCK ? "block" : "file",
		.path = item->path,
		.format = item->place.format,
		.encrypted = item->secret != NULL,
	};

	if (!disk) {
		vk_restore_plan_note(
			planner->plan,
			"disk '%s' was attached to the running guest only: it is restored, but "
			"the definition does not have it",
			item->name);
		return TRUE;
	}
	place.stays = stays(planner, disk, item);
	if (place.stays && !vk_planner_check_understood(disk, item, error))
		return FALSE;
	g_array_append_val(planner->changes.disks, place);
	return TRUE;
}
