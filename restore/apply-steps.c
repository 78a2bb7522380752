/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps that a new guest and a guest in place have in common.
 */
#include "apply-priv.h"

#include "errors.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

gboolean vk_apply_start(VkGuest *guest, gboolean *ret_started, GError **error)
{
	VkGuestState state;

	if (!vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF && !vk_guest_start(guest, error))
		return FALSE;
	*ret_started = TRUE;
	return TRUE;
}

void vk_apply_autostart(const VkRestorePlan *plan, VkGuest *guest)
{
	g_autoptr(GError) error = NULL;

	if (plan->autostart && !vk_guest_set_autostart(guest, TRUE, &error))
		vk_log_warning("'%s': autostart is not set: %s", plan->guest, error->message);
}

gboolean vk_apply_drop_save(const VkRestorePlan *plan, GError **error)
{
	if (plan->managed_save && vk_io.unlinkat(AT_FDCWD, plan->managed_save, 0) < 0 &&
	    errno != ENOENT)
		return vk_fail_errno(error, errno, "cannot drop the saved memory state '%s'",
				     plan->managed_save);
	return TRUE;
}
