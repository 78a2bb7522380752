/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning what becomes of the snapshots that users have made of a guest which is put back in
 * place: they are worth nothing without the images that are replaced.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>
#include <sys/stat.h>

static gboolean is_listed(const GPtrArray *snapshots, const char *name)
{
	for (guint i = 0; i < snapshots->len; i++)
		if (strcmp(((const VkUserSnapshot *)g_ptr_array_index(snapshots, i))->name, name) ==
		    0)
			return TRUE;
	return FALSE;
}

static gboolean is_wanted(const VkPlanner *planner, const VkDiskRecord *record)
{
	char *const *targets = planner->options->disks;

	return !targets || g_strv_contains((const char *const *)targets, record->target);
}

/* The qcow2 image that RECORD's disk has now, if it is the one to be replaced; else NULL. */
static const char *image_to_replace(VkPlanner *planner, const VkDiskRecord *record)
{
	const VkDomainDisk *disk = vk_domain_find_disk(planner->present, record->target);
	g_autofree char *place = vk_planner_original_path(planner, record, NULL);

	if (!disk || !disk->image || g_strcmp0(disk->image->format, "qcow2") != 0 ||
	    g_strcmp0(disk->image->path, place) != 0 || !place ||
	    !g_file_test(place, G_FILE_TEST_IS_REGULAR))
		return NULL;
	return disk->image->path;
}

/* The snapshots in images that libvirt does not know, for example from qemu-img. */
static gboolean add_unlisted(VkPlanner *planner, const VkDiskRecord *record, GPtrArray *snapshots,
			     GError **error)
{
	const char *image = is_wanted(planner, record) ? image_to_replace(planner, record) : NULL;
	g_autoptr(GPtrArray) names = NULL;

	if (!image)
		return TRUE;
	names = planner->facts->ops->image_snapshots(planner->facts, image, error);
	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		if (!is_listed(snapshots, name))
			g_ptr_array_add(snapshots, vk_user_snapshot_new(name));
	}
	return TRUE;
}

static gboolean is_same_file(const char *path, const char *other)
{
	struct stat one, two;

	if (!path || !other)
		return FALSE;
	return strcmp(path, other) == 0 || (stat(path, &one) == 0 && stat(other, &two) == 0 &&
					    one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

/* The disk that the plan writes to PATH; NULL: none. */
static const VkRestoreItem *find_written(const VkRestorePlan *plan, const char *path)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->is_disk && is_same_file(item->path, path))
			return item;
	}
	return NULL;
}

/* What the image that ITEM replaces stands on, as far as that is known; nullable, borrowed. */
static const char *base_of(const VkPlanner *planner, const VkRestoreItem *item)
{
	const VkDomainDisk *disk = vk_domain_find_disk(planner->present, item->name);
	const json_t *chain = json_object_get(item->layout, "chain");

	if (planner->options->keep_chain)
		return NULL;
	if (disk && disk->backing->len > 0 && disk->image && disk->image->path &&
	    is_same_file(disk->image->path, item->path))
		return ((const VkDomainImage *)g_ptr_array_index(disk->backing, 0))->path;
	return json_string_value(json_object_get(json_array_get(chain, 0), "path"));
}

/* Of one of several disks it is not known whose FILE is. */
static void add_file_fate(const VkPlanner *planner, GString *text, const char *file)
{
	const VkRestoreItem *item = find_written(planner->plan, file);
	const char *base = item ? base_of(planner, item) : NULL;

	g_string_append_printf(text, "'%s' %s", file,
			       item                      ? "is replaced"
			       : planner->options->disks ? "stays"
							 : "stays, which the guest uses no more");
	if (base)
		g_string_append_printf(text, " and no longer stands on '%s', which stays", base);
}

static char *fate(const VkPlanner *planner, const VkUserSnapshot *snapshot)
{
	g_autoptr(GString) files = g_string_new(NULL);

	if (snapshot->files->len == 0)
		return g_strdup_printf("the snapshot '%s' %s", snapshot->name,
				       planner->options->keep_old
					       ? "stays in the old image only"
					       : "is lost with the image that it lies in");
	for (guint i = 0; i < snapshot->files->len; i++) {
		if (i > 0)
			g_string_append(files, ", ");
		add_file_fate(planner, files, g_ptr_array_index(snapshot->files, i));
	}
	return g_strdup_printf("the snapshot '%s' is lost; of what it began, %s", snapshot->name,
			       files->str);
}

gboolean vk_planner_settle_snapshots(VkPlanner *planner, GError **error)
{
	VkRestorePlan *plan = planner->plan;
	g_autoptr(GPtrArray) snapshots =
		planner->facts->ops->user_snapshots(planner->facts, plan->uuid, error);
	g_autoptr(GString) fates = g_string_new(NULL);

	if (!snapshots)
		return FALSE;
	plan->forget_snapshots = snapshots->len > 0;
	for (guint i = 0; i < planner->snapshot->disks->len; i++)
		if (!add_unlisted(planner, g_ptr_array_index(planner->snapshot->disks, i),
				  snapshots, error))
			return FALSE;
	for (guint i = 0; i < snapshots->len; i++) {
		g_autofree char *text = fate(planner, g_ptr_array_index(snapshots, i));

		g_string_append_printf(fates, "%s%s", i ? "; " : "", text);
		vk_restore_plan_note(plan, "%s", text);
	}
	if (snapshots->len > 0 && !planner->options->force)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "guest '%s' has snapshots of its own, which this would take away: "
			       "%s; use --force, or --as NAME to restore beside it",
			       plan->guest, fates->str);
	return TRUE;
}
