/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply-priv.h"

#include "guest-lock.h"
#include "log.h"

static gboolean apply_parts(const VkRestorePlan *plan, VkArrays *arrays, VkApplied *ret,
			    GError **error)
{
	g_autoptr(VkSwap) swap = vk_swap_new(vk_view_snapshot(plan->view)->time, plan->old_mark);
	g_autoptr(GError) trouble = NULL;

	if (!vk_apply_items(plan, arrays, swap, FALSE, error) ||
	    !vk_apply_items(plan, arrays, swap, TRUE, error) || !vk_swap_commit(swap, error))
		return FALSE;
	if (!vk_swap_keep(swap, &trouble))
		vk_log_warning("%s", trouble->message);
	ret->kept = TRUE;
	return TRUE;
}

gboolean vk_apply(const VkRestorePlan *plan, const VkApplyTools *tools, VkApplied *ret,
		  GError **error)
{
	g_autoptr(VkGuestLock) lock = NULL;
	VkHost *host;

	*ret = (VkApplied){0};
	if (plan->kind == VK_RESTORE_PARTS)
		return apply_parts(plan, tools->arrays, ret, error);
	host = vk_lazy_host_get(tools->host, error);
	if (!host)
		return FALSE;
	lock = vk_guest_lock_take(tools->run_dir, plan->uuid, plan->guest, error);
	if (!lock)
		return FALSE;
	if (plan->kind == VK_RESTORE_IN_PLACE)
		return vk_apply_in_place(plan, tools, host, ret, error);
	return vk_apply_guest(plan, tools, host, ret, error);
}
