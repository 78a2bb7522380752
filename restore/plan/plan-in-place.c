/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning to put an existing guest back to a snapshot, or single disks of it.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>

static VkKnownGuest *find_present(VkPlanner *planner, GError **error)
{
	const VkSnapshot *snapshot = planner->snapshot;
	const VkFacts *facts = planner->facts;
	g_autoptr(VkKnownGuest) known = NULL;
	g_autoptr(VkKnownGuest) other = NULL;

	if (!facts->ops->find(facts, snapshot->uuid, &known, error))
		return NULL;
	if (known)
		return g_steal_pointer(&known);
	if (!facts->ops->find(facts, snapshot->name, &other, error))
		return NULL;
	if (other)
		vk_fail(error, VK_ERROR_EXISTS,
			"the guest '%s' in libvirt is another one than the saved (uuid %s, not "
			"%s): use --as NAME to restore beside it",
			other->name, other->uuid, snapshot->uuid);
	else
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"guest '%s' does not exist in libvirt: leave out --in-place to restore it "
			"as a whole",
			snapshot->name);
	return NULL;
}

static gboolean add_disk(VkPlanner *planner, const VkDiskRecord *disk, GError **error)
{
	g_autofree char *path = vk_planner_original_path(planner, disk, error);
	g_autoptr(GPtrArray) present = NULL;
	gboolean is_present;
	VkRestoreItem *item;

	if (!path)
		return FALSE;
	present = vk_planner_disks_of(planner->facts, planner->present, path);
	is_present = present->len > 0;
	if (!is_present && !vk_planner_check_place(path, disk->target, error))
		return FALSE;
	item = vk_planner_add_disk(planner->plan, disk, planner->options->format);
	if (!vk_place_set(item, path,
			  is_present || planner->options->force ? planner->replace : VK_REPLACE_NO,
			  planner->options->force, ": it is not a disk of the present guest",
			  error))
		return FALSE;
	if (!item->exists && vk_place_is_device_path(path))
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "the block device '%s' of disk '%s' is not there: make it first",
			       path, disk->target);
	for (guint i = 0; i < present->len; i++)
		if (!vk_planner_check_understood(g_ptr_array_index(present, i), item, error))
			return FALSE;
	return vk_planner_encrypt(planner, item, error) &&
	       vk_planner_move_disk(planner, item, error);
}

static gboolean add_disks(VkPlanner *planner, const VkDomain *present, GError **error)
{
	const GPtrArray *disks = planner->snapshot->disks;

	for (guint i = 0; !planner->options->disks && i < disks->len; i++)
		if (!add_disk(planner, g_ptr_array_index(disks, i), error))
			return FALSE;
	for (char **target = planner->options->disks; target && *target; target++) {
		const VkDiskRecord *disk = vk_planner_find_disk(planner->snapshot, *target, error);

		if (!disk)
			return FALSE;
		if (!vk_domain_find_disk(present, *target))
			return vk_fail(error, VK_ERROR_NOT_FOUND,
				       "guest '%s' has no disk '%s' any more: restore it with "
				       "--disk %s=PATH, or the whole guest with --in-place",
				       planner->plan->guest, *target, *target);
		if (!add_disk(planner, disk, error))
			return FALSE;
	}
	return TRUE;
}

/* NULL when the plan does not write PATH. */
static const VkRestoreItem *find_item(const VkRestorePlan *plan, const char *target)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->is_disk && strcmp(item->name, target) == 0)
			return item;
	}
	return NULL;
}

static void note_left_alone(VkPlanner *planner, const VkDomain *present)
{
	for (guint i = 0; i < present->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(present->disks, i);
		const VkRestoreItem *item = find_item(planner->plan, disk->target);

		if (!disk->image)
			continue;

		g_autofree char *label = vk_domain_image_label(disk->image);
		if (item && disk->image->path && strcmp(disk->image->path, item->path) != 0)
			vk_restore_plan_note(
				planner->plan,
				"the present image '%s' of disk '%s' is left alone and no "
				"longer used; an overlay of '%s' is worthless after this",
				label, disk->target, item->path);
		else if (!planner->options->disks &&
			 !vk_domain_find_disk(planner->domain, disk->target))
			vk_restore_plan_note(
				planner->plan,
				"the present disk '%s' ('%s') is left alone; the saved "
				"definition does not have it",
				disk->target, label);
	}
}

static gboolean plan_in_place(VkPlanner *planner, const VkKnownGuest *known, GError **error)
{
	VkRestorePlan *plan = planner->plan;
	g_autoptr(VkDomain) present = vk_domain_parse(known->domain_xml, error);

	if (!present)
		return FALSE;
	planner->present = present;
	if (strcmp(plan->guest, known->name) != 0) {
		vk_restore_plan_note(plan,
				     "the guest was called '%s' then and keeps its present name",
				     plan->guest);
		g_free(plan->guest);
		plan->guest = g_strdup(known->name);
		planner->changes.name = plan->guest;
	}
	if (planner->options->disks)
		planner->written = present;
	plan->was_running = known->state != VK_GUEST_OFF;
	if (!vk_planner_check_managed_save(planner, error) || !add_disks(planner, present, error) ||
	    !vk_planner_settle_snapshots(planner, error))
		return FALSE;
	if (!planner->options->disks) {
		vk_planner_set_networks(planner);
		if (!vk_planner_add_firmware(planner, NULL, error) ||
		    !vk_planner_add_boot(planner, error))
			return FALSE;
		vk_planner_settle_unsaved(planner, FALSE);
		plan->autostart = planner->snapshot->autostart;
	}
	note_left_alone(planner, present);
	return TRUE;
}

/*
 * Whether XML is what the guest has: a disk that comes back to where it is changes nothing there.
 */
static gboolean is_same_definition(const VkKnownGuest *known, const char *xml)
{
	const VkDomainChanges none = {0};
	g_autofree char *present = vk_domain_rewrite(known->domain_xml, &none, NULL);

	return g_strcmp0(present, xml) == 0;
}

VkRestorePlan *vk_planner_in_place(const VkRestoreOptions *options, VkView *view,
				   const VkFacts *facts, GError **error)
{
	g_auto(VkPlanner) planner = {0};
	g_autoptr(VkKnownGuest) known = NULL;
	VkRestorePlan *plan;

	if (!vk_planner_init(&planner, VK_RESTORE_IN_PLACE, options, view, facts, error))
		return NULL;
	planner.replace = VK_REPLACE_IN_USE;
	planner.plan->start = options->start;
	planner.plan->back_to = g_strdup(planner.snapshot->time);
	planner.plan->only_disks = options->disks != NULL;
	known = find_present(&planner, error);
	if (!known || !plan_in_place(&planner, known, error))
		return NULL;
	if (!options->disks)
		return vk_planner_finish(&planner, planner.snapshot->domain_xml, error);
	plan = vk_planner_finish(&planner, known->domain_xml, error);
	if (plan && known->persistent && is_same_definition(known, plan->domain_xml))
		g_clear_pointer(&plan->domain_xml, g_free);
	return plan;
}
