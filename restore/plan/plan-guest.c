/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning a whole guest that libvirt does not have: under its own name, or as a new one.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>

static gboolean refuse_known(const VkFacts *facts, const char *key, GError **error)
{
	g_autoptr(VkKnownGuest) known = NULL;

	if (!facts->ops->find(facts, key, &known, error))
		return FALSE;
	if (!known)
		return TRUE;
	if (known->state != VK_GUEST_OFF)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "guest '%s' exists and is %s: use --in-place to shut it down and "
			       "replace its disks, or --as NAME to restore beside it",
			       known->name, vk_guest_state_name(known->state));
	return vk_fail(error, VK_ERROR_EXISTS,
		       "guest '%s' exists: use --in-place to replace its disks, or --as NAME to "
		       "restore beside it",
		       known->name);
}

/* The name, the uuid, and what must differ from the original. */
static gboolean set_identity(VkPlanner *planner, GError **error)
{
	VkRestorePlan *plan = planner->plan;
	const char *as_name = planner->options->as_name;
	g_autoptr(VkKnownGuest) known = NULL;

	if (!as_name)
		return planner->is_offline || (refuse_known(planner->facts, plan->uuid, error) &&
					       refuse_known(planner->facts, plan->guest, error));
	if (!planner->is_offline &&
	    !planner->facts->ops->find(planner->facts, as_name, &known, error))
		return FALSE;
	if (known)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "guest '%s' exists already: choose another name with --as",
			       known->name);
	g_free(plan->guest);
	g_free(plan->uuid);
	plan->guest = g_strdup(as_name);
	plan->uuid = g_uuid_string_random();
	planner->changes.name = plan->guest;
	planner->changes.uuid = plan->uuid;
	planner->changes.new_macs = TRUE;
	planner->changes.drop_channel_paths = TRUE;
	planner->changes.drop_passthrough = TRUE;
	return TRUE;
}

/* Into a directory a guest can be restored without it. */
static gboolean look_for_libvirt(VkPlanner *planner, GError **error)
{
	g_autoptr(GError) reason = NULL;

	return !planner->options->directory ||
	       planner->facts->ops->reach(planner->facts, &reason) ||
	       vk_planner_go_offline(planner, reason, error);
}

/* New string. */
static char *disk_path(VkPlanner *planner, const VkDiskRecord *disk, const char *format,
		       GError **error)
{
	const char *directory = planner->options->directory;
	g_autofree char *disk_name = vk_place_disk_name(disk->target, format);
	g_autofree char *name = vk_place_file_name(planner->plan->guest, disk_name);
	g_autofree char *original = NULL;
	g_autofree char *original_directory = NULL;

	if (directory)
		return g_build_filename(directory, name, NULL);
	original = vk_planner_original_path(planner, disk, error);
	if (!original || !planner->options->as_name)
		return g_steal_pointer(&original);
	original_directory = g_path_get_dirname(original);
	if (vk_place_is_device_path(original)) {
		vk_fail(error, VK_ERROR_FAILED,
			"disk '%s' was on the block device '%s': use --to DIR to say where the new "
			"guest's disk goes",
			disk->target, original);
		return NULL;
	}
	return g_build_filename(original_directory, name, NULL);
}

static gboolean add_disks(VkPlanner *planner, GError **error)
{
	const GPtrArray *disks = planner->snapshot->disks;
	const VkRestoreOptions *options = planner->options;

	for (guint i = 0; i < disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(disks, i);
		VkRestoreItem *item = vk_planner_add_disk(planner->plan, disk, options->format);
		g_autofree char *path = disk_path(planner, disk, item->place.format, error);

		if (!path ||
		    (!options->directory && !vk_planner_check_place(path, disk->target, error)) ||
		    !vk_place_set(item, path, planner->replace, options->force,
				  ", or --to DIR to restore elsewhere", error))
			return FALSE;
		/* A file in /dev would be lost with the next boot. */
		if (!item->exists && vk_place_is_device_path(path))
			return vk_fail(error, VK_ERROR_NOT_FOUND,
				       "the block device '%s' of disk '%s' is not there: make it, "
				       "or use --to DIR",
				       path, disk->target);
		if (!vk_planner_encrypt(planner, item, error) ||
		    !vk_planner_move_disk(planner, item, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean has_nvram(const VkPlanner *planner)
{
	const GPtrArray *files = planner->snapshot->files;

	for (guint i = 0; i < files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(files, i);

		if (strcmp(file->role, "nvram") == 0)
			return TRUE;
	}
	return planner->domain->nvram != NULL;
}

VkRestorePlan *vk_planner_guest(const VkRestoreOptions *options, VkView *view, const VkFacts *facts,
				GError **error)
{
	g_auto(VkPlanner) planner = {0};
	g_autofree char *nvram_name = NULL;
	g_autofree char *nvram_path = NULL;
	gboolean is_new = options->as_name != NULL;

	if (!vk_planner_init(&planner, VK_RESTORE_GUEST, options, view, facts, error) ||
	    !look_for_libvirt(&planner, error) || !set_identity(&planner, error) ||
	    !vk_planner_check_managed_save(&planner, error) || !add_disks(&planner, error))
		return NULL;
	if ((is_new || planner.is_offline) && has_nvram(&planner)) {
		nvram_name = g_strdup_printf("%s_VARS.fd", planner.plan->guest);
		nvram_path = g_build_filename(planner.is_offline ? options->directory
								 : facts->nvram_directory,
					      nvram_name, NULL);
	}
	vk_planner_set_networks(&planner);
	if (!vk_planner_add_firmware(&planner, nvram_path, error) ||
	    !vk_planner_add_boot(&planner, error))
		return NULL;
	vk_planner_settle_unsaved(&planner, is_new);
	planner.plan->start = options->start;
	planner.plan->autostart = planner.snapshot->autostart && !is_new;
	return vk_planner_finish(&planner, planner.snapshot->domain_xml, error);
}
