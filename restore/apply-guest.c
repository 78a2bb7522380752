/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest that libvirt does not have: files, definition, start.
 */
#include "apply-priv.h"

#include "log.h"

gboolean vk_apply_guest(const VkRestorePlan *plan, const VkApplyTools *tools, VkHost *host,
			VkApplied *ret, GError **error)
{
	g_autoptr(VkSwap) swap = vk_swap_new(vk_view_snapshot(plan->view)->time, plan->old_mark);
	g_autoptr(VkGuest) guest = NULL;
	g_autoptr(GError) trouble = NULL;

	/*
	 * Everything that can be undone is completed before the first step that cannot be undone.
	 */
	if (!vk_apply_items(plan, tools->arrays, swap, FALSE, error) ||
	    !vk_apply_items(plan, tools->arrays, swap, TRUE, error) ||
	    !vk_swap_commit(swap, error) || !vk_apply_drop_save(plan, error))
		return FALSE;
	guest = vk_host_define(host, plan->domain_xml, error);
	if (!guest) {
		g_prefix_error(error, "cannot define guest '%s': ", plan->guest);
		return FALSE;
	}
	vk_apply_autostart(plan, guest);
	if (!vk_swap_keep(swap, &trouble))
		vk_log_warning("%s", trouble->message);
	ret->kept = TRUE;
	/*
	 * The guest is complete. If it does not start, for example without a network, nothing is
	 * undone.
	 */
	if (plan->start && !vk_apply_start(guest, &ret->started, error)) {
		g_prefix_error(error, "guest '%s' was restored but does not start: ", plan->guest);
		return FALSE;
	}
	return TRUE;
}
