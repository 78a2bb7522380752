/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "planner-priv.h"

#include "errors.h"

gboolean vk_planner_init(VkPlanner *planner, VkRestoreKind kind, const VkRestoreOptions *options,
			 VkView *view, const VkFacts *facts, GError **error)
{
	*planner = (VkPlanner){.options = options,
			       .view = view,
			       .snapshot = vk_view_snapshot(view),
			       .facts = facts};
	planner->domain = vk_domain_parse(planner->snapshot->domain_xml, error);
	if (!planner->domain) {
		g_prefix_error(error, "the saved definition of '%s': ", planner->snapshot->name);
		return FALSE;
	}
	if (!vk_planner_check_identity(planner->snapshot, planner->domain, error))
		return FALSE;
	planner->written = planner->domain;
	planner->replace = options->force ? VK_REPLACE_FILE : VK_REPLACE_NO;
	planner->plan = vk_restore_plan_new(kind, planner->snapshot);
	/* By it a guest notices that it was taken back in time, be it under its own name. */
	planner->changes.new_generation_id = TRUE;
	planner->changes.disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));
	planner->words = g_ptr_array_new_with_free_func(g_free);
	planner->changes.networks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewNetwork));
	planner->changes.boot = g_array_new(FALSE, FALSE, sizeof(VkDomainNewBoot));
	planner->changes.eject = g_ptr_array_new_with_free_func(g_free);
	planner->changes.drop = g_ptr_array_new_with_free_func(g_free);
	return TRUE;
}

void vk_planner_clear(VkPlanner *planner)
{
	g_clear_pointer(&planner->domain, vk_domain_free);
	g_clear_pointer(&planner->plan, vk_restore_plan_free);
	g_clear_pointer(&planner->changes.disks, g_array_unref);
	g_clear_pointer(&planner->words, g_ptr_array_unref);
	g_clear_pointer(&planner->tpm_directory, g_free);
	g_clear_pointer(&planner->changes.networks, g_array_unref);
	g_clear_pointer(&planner->changes.boot, g_array_unref);
	g_clear_pointer(&planner->changes.eject, g_ptr_array_unref);
	g_clear_pointer(&planner->changes.drop, g_ptr_array_unref);
}

gboolean vk_planner_check_managed_save(VkPlanner *planner, GError **error)
{
	VkRestorePlan *plan = planner->plan;
	g_autofree char *name = g_strdup_printf("%s.save", plan->guest);
	g_autofree char *path = g_build_filename(planner->facts->save_directory, name, NULL);

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return TRUE;
	if (!planner->options->force)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "'%s' has a saved memory state, '%s', which would not fit the "
			       "restored disks: drop it with 'virsh managedsave-remove', or use "
			       "--force",
			       plan->guest, path);
	plan->managed_save = g_steal_pointer(&path);
	return TRUE;
}
