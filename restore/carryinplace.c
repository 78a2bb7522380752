/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An existing guest: all that can be is written while it still runs, then it is shut down, the
 * files change places, the definition is put back and the guest started if it ran.
 */
#include "carry.h"

#include "errors.h"
#include "log.h"
#include "place.h"

/* Nobody may have the old files open any more: the guest is off, but others may share them. */
static gboolean check_unused(const VkPlan *plan, GError **error)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		if (item->exists && !vk_place_check_unused(item->place.path, error))
			return FALSE;
	}
	return TRUE;
}

/* Looks again: the plan was made before the copying. */
static gboolean shut_down(VkGuest *guest, guint timeout_sec, gboolean *ret_ran, GError **error)
{
	VkGuestState state;

	if (!vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF)
		return TRUE;
	*ret_ran = TRUE;
	vk_log_info("shutting down guest '%s'", vk_guest_name(guest));
	return vk_guest_shut_down(guest, timeout_sec, error);
}

static gboolean replace(const VkPlan *plan, VkVault *vault, VkHost *host, VkSwap *swap,
			GError **error)
{
	g_autoptr(VkGuest) defined = NULL;
	g_autoptr(GError) trouble = NULL;

	if (!check_unused(plan, error) || !vk_carry_items(plan, vault, swap, TRUE, error) ||
	    !vk_swap_commit(swap, error))
		return FALSE;
	defined = vk_host_define(host, plan->domain_xml, error);
	if (!defined) {
		g_prefix_error(error,
			       "cannot put back the definition of guest '%s': ", plan->guest);
		return FALSE;
	}
	if (!vk_carry_drop_save(plan, error))
		return FALSE;
	vk_carry_autostart(plan, defined);
	if (!vk_swap_keep(swap, &trouble))
		vk_log_warning("%s", trouble->message);
	return TRUE;
}

/* Starts the guest as it was, after a failure that leaves the old disks in place. */
static void start_again(VkGuest *guest)
{
	g_autoptr(GError) error = NULL;
	VkGuestState state = VK_GUEST_OFF;
	gboolean started;

	if (vk_guest_get_state(guest, &state, &error) && state != VK_GUEST_OFF)
		vk_log_warning("guest '%s' was asked to shut down and may still do so: look after "
			       "it",
			       vk_guest_name(guest));
	else if (error || !vk_carry_start(guest, &started, &error))
		vk_log_error("guest '%s' cannot be started again: %s", vk_guest_name(guest),
			     error->message);
}

gboolean vk_carry_in_place(const VkPlan *plan, VkVault *vault, VkHost *host,
			   guint shutdown_timeout_sec, gboolean *ret_started, GError **error)
{
	VkSwap *swap = vk_swap_new();
	g_autoptr(VkGuest) guest = vk_host_find(host, plan->uuid, error);
	gboolean ran = FALSE;
	gboolean replaced;

	replaced = guest && vk_carry_items(plan, vault, swap, FALSE, error) &&
		   shut_down(guest, shutdown_timeout_sec, &ran, error) &&
		   replace(plan, vault, host, swap, error);
	/* Old disks must be back before the guest is. */
	vk_swap_free(swap);
	if (!replaced) {
		if (ran)
			start_again(guest);
		return FALSE;
	}
	if ((ran || plan->start) && !vk_carry_start(guest, ret_started, error)) {
		g_prefix_error(error, "guest '%s' was restored but does not start: ", plan->guest);
		return FALSE;
	}
	return TRUE;
}
