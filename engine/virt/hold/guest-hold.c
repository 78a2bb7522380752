/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-hold.h"

const char *vk_hold_words(VkHold hold)
{
	if ((hold & VK_HOLD_FROZEN) && (hold & VK_HOLD_SUSPENDED))
		return "frozen and suspended";
	return hold & VK_HOLD_SUSPENDED ? "suspended" : "frozen";
}

char *vk_hold_cure(VkHold hold, const char *uuid)
{
	g_autoptr(GString) cure = g_string_new(NULL);

	if (hold & VK_HOLD_SUSPENDED)
		g_string_append_printf(cure, "'virsh resume %s'", uuid);
	if (hold & VK_HOLD_FROZEN)
		g_string_append_printf(cure, "%s'virsh domfsthaw %s'", cure->len ? " and " : "",
				       uuid);
	return g_string_free(g_steal_pointer(&cure), FALSE);
}
