/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "apply-priv.h"

#include "guestlock.h"
#include "log.h"

static gboolean apply_parts(const VkPlan *plan, GError **error)
{
	g_autoptr(VkSwap) swap = vk_swap_new(vk_view_snapshot(plan->view)->time, plan->old_mark);
	g_autoptr(GError) trouble = NULL;

	if (!vk_apply_items(plan, swap, FALSE, error) || !vk_apply_items(plan, swap, TRUE, error) ||
	    !vk_swap_commit(swap, error))
		return FALSE;
	if (!vk_swap_keep(swap, &trouble))
		vk_log_warning("%s", trouble->message);
	return TRUE;
}

gboolean vk_apply(const VkPlan *plan, const char *run_dir, guint shutdown_timeout_sec,
		  gboolean *ret_started, GError **error)
{
	g_autoptr(VkGuestLock) lock = NULL;
	VkHost *host;

	*ret_started = FALSE;
	if (plan->kind == VK_PLAN_PARTS)
		return apply_parts(plan, error);
	host = vk_world_host(plan->world, error);
	if (!host)
		return FALSE;
	lock = vk_guest_lock_take(run_dir, plan->uuid, plan->guest, error);
	if (!lock)
		return FALSE;
	if (plan->kind == VK_PLAN_IN_PLACE)
		return vk_apply_in_place(plan, host, shutdown_timeout_sec, ret_started, error);
	return vk_apply_guest(plan, host, ret_started, error);
}
