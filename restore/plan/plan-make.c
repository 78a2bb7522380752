/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-make.h"

#include "errors.h"
#include "planner-priv.h"
#include "timestamp.h"

#include <sys/stat.h>

/* What is overwritten where it lies cannot stay. */
static gboolean keep_old(VkRestorePlan *plan, const VkRestoreOptions *options, GError **error)
{
	g_autofree char *now = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);

	for (guint i = 0; options->keep_old && i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->place.kind == VK_PLACE_BLOCK)
			return vk_fail(error, VK_ERROR_USAGE,
				       "'%s' is a block device, whose old content cannot be kept: "
				       "leave out --keep-old, or use --to DIR",
				       item->path);
	}
	if (options->keep_old)
		plan->old_mark = g_strconcat(".old-", now, NULL);
	return TRUE;
}

/*
 * A list of an earlier restore is of another file: it goes. With --force also another file makes
 * room for a list, if there is anything to list.
 */
static gboolean settle_list(VkRestorePlan *plan, VkRestoreItem *item, gboolean force,
			    GError **error)
{
	g_autofree char *list = vk_restore_plan_list_path(item);
	struct stat facts;

	if (!list || lstat(list, &facts) < 0)
		return TRUE;
	item->has_list = vk_missing_is_list(list);
	item->list_exists = item->has_list || item->missing;
	if (item->missing && !S_ISREG(facts.st_mode))
		return vk_fail(error, VK_ERROR_EXISTS,
			       "'%s' exists and is not a regular file, but a list of what is "
			       "missing may have to be written there: remove it",
			       list);
	if (item->missing && !force)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "'%s' exists, but a list of what is missing may have to be written "
			       "there: remove it, or use --force to replace it",
			       list);
	if (item->has_list)
		vk_restore_plan_note(plan, "'%s' is the list of an earlier restore: it goes", list);
	else if (item->list_exists)
		vk_restore_plan_note(plan, "'%s' is replaced if anything is missing", list);
	return TRUE;
}

static gboolean skip_damaged(VkRestorePlan *plan, const VkRestoreOptions *options, GError **error)
{
	for (guint i = 0; i < plan->items->len; i++) {
		VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (options->skip_damaged && item->record)
			item->missing = vk_missing_new();
		if (!settle_list(plan, item, options->force, error))
			return FALSE;
	}
	return TRUE;
}

VkRestorePlan *vk_restore_plan_make(const VkRestoreOptions *options, VkView *view,
				    const VkFacts *facts, GError **error)
{
	VkRestorePlan *plan;

	if (options->in_place)
		plan = vk_planner_in_place(options, view, facts, error);
	else if (vk_restore_options_has_parts(options))
		plan = vk_planner_parts(options, view, facts, error);
	else
		plan = vk_planner_guest(options, view, facts, error);
	if (!plan)
		return NULL;
	plan->view = view;
	plan->force = options->force;
	if (!keep_old(plan, options, error)) {
		vk_restore_plan_free(plan);
		return NULL;
	}
	if (!vk_planner_clone_disks(plan, facts, error) ||
	    (options->keep_chain && !vk_planner_keep_chains(plan, facts, error))) {
		vk_restore_plan_free(plan);
		return NULL;
	}
	if (!skip_damaged(plan, options, error)) {
		vk_restore_plan_free(plan);
		return NULL;
	}
	vk_planner_note_layouts(plan);
	return plan;
}
