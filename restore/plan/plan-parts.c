/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning single disks and files, without libvirt.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>

static const char hint[] = ", or name another path";

/* The path of a part without a path of its own: NAME in --to or in the current directory. */
static gboolean set_path(const VkRestoreOptions *options, VkRestoreItem *item, const char *asked,
			 const char *name, GError **error)
{
	g_autofree char *path =
		g_canonicalize_filename(asked ? asked : name, asked ? NULL : options->directory);

	return vk_place_set(item, path, options->force ? VK_REPLACE_FILE : VK_REPLACE_NO,
			    options->force, hint, error);
}

static gboolean add_disk(VkPlanner *planner, const char *part, GError **error)
{
	const VkRestoreOptions *options = planner->options;
	const VkSnapshot *snapshot = planner->snapshot;
	g_autofree char *target = NULL;
	g_autofree char *asked = NULL;
	g_autofree char *disk_name = NULL;
	g_autofree char *name = NULL;
	const VkDiskRecord *disk;
	VkRestoreItem *item;

	vk_restore_part_split(part, &target, &asked);
	disk = vk_planner_find_disk(snapshot, target, error);
	if (!disk)
		return FALSE;
	item = vk_planner_add_disk(planner->plan, disk, options->format);
	disk_name = vk_place_disk_name(target, item->place.format);
	name = vk_place_file_name(snapshot->name, disk_name);
	return set_path(options, item, asked, name, error) &&
	       (!planner->domain || vk_planner_encrypt(planner, item, error));
}

static const VkViewFile *find_file(VkView *view, const char *name, GError **error)
{
	const VkViewFile *file = vk_view_find(view, name);
	const GPtrArray *files = vk_view_files(view);
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *reference = NULL;

	if (file)
		return file;
	for (guint i = 0; i < files->len; i++) {
		const VkViewFile *other = g_ptr_array_index(files, i);

		g_string_append_printf(names, "%s%s", i ? ", " : "", other->name);
	}
	reference = vk_snapshot_reference(vk_view_snapshot(view));
	if (strchr(name, '/'))
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"'%s' lies inside of the guest, and --file takes a file of the snapshot "
			"'%s': %s; 'virtkeep mount' shows its disks, and virtkeep-mount(1), FILES "
			"INSIDE OF A GUEST, explains how to look into them",
			name, reference, names->str);
	else
		vk_fail(error, VK_ERROR_NOT_FOUND, "'%s' has no file '%s'; it has: %s", reference,
			name, names->str);
	return NULL;
}

static gboolean add_file(const VkRestoreOptions *options, VkRestorePlan *plan, VkView *view,
			 const char *part, GError **error)
{
	g_autofree char *name = NULL;
	g_autofree char *asked = NULL;
	g_autofree char *file_name = NULL;
	const VkViewFile *file;
	VkRestoreItem *item;

	vk_restore_part_split(part, &name, &asked);
	file = find_file(view, name, error);
	if (!file)
		return FALSE;
	item = vk_restore_plan_add_item(plan, file->name, FALSE, file->size);
	item->record = file->record;
	item->text = file->text;
	if (g_strcmp0(asked, "-") == 0) {
		item->place.kind = VK_PLACE_STDOUT;
		return TRUE;
	}
	file_name = vk_place_file_name(vk_view_snapshot(view)->name, file->name);
	return set_path(options, item, asked, file_name, error);
}

VkRestorePlan *vk_planner_parts(const VkRestoreOptions *options, VkView *view, const VkFacts *facts,
				GError **error)
{
	const VkSnapshot *snapshot = vk_view_snapshot(view);
	g_autoptr(VkRestorePlan) plan = vk_restore_plan_new(VK_RESTORE_PARTS, snapshot);
	/* Bytes come back even where the definition is broken. */
	g_autoptr(VkDomain) domain = vk_domain_parse(snapshot->domain_xml, NULL);
	VkPlanner planner = {.options = options,
			     .view = view,
			     .snapshot = snapshot,
			     .facts = facts,
			     .domain = domain,
			     .written = domain,
			     .plan = plan};

	for (char **part = options->disks; part && *part; part++)
		if (!add_disk(&planner, *part, error))
			return NULL;
	for (char **part = options->files; part && *part; part++)
		if (!add_file(options, plan, view, *part, error))
			return NULL;
	return g_steal_pointer(&plan);
}
