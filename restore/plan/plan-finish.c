/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of planning a guest: its definition is written, and checked against what the host has.
 */
#include "planner-priv.h"

VkRestorePlan *vk_planner_finish(VkPlanner *planner, const char *xml, GError **error)
{
	VkRestorePlan *plan = planner->plan;

	planner->changes.notes = plan->notes;
	plan->domain_xml = vk_domain_rewrite(xml, &planner->changes, error);
	if (!plan->domain_xml) {
		g_prefix_error(error, "cannot write the definition of '%s': ", plan->guest);
		return NULL;
	}
	if (!vk_planner_check_needs(planner, error) ||
	    (planner->is_offline && !vk_planner_finish_offline(planner, error)))
		return NULL;
	return g_steal_pointer(&planner->plan);
}
