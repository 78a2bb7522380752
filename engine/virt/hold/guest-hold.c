/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-hold.h"

const char *vk_hold_words(VkHold hold)
{
	if ((hold & VK_HOLD_FROZEN) && (hold & VK_HOLD_SUSPENDED))
		return "frozen and suspended";
	return hold & VK_HOLD_SUSPENDED ? "suspended" : "frozen";
}

char *vk_hold_remedy(VkHold hold, const char *uuid)
{
	g_autoptr(GString) remedy = g_string_new(NULL);

	if (hold & VK_HOLD_SUSPENDED)
		g_string_append_printf(remedy, "'virsh resume %s'", uuid);
	if (hold & VK_HOLD_FROZEN)
		g_string_append_printf(remedy, "%s'virsh domfsthaw %s'", remedy->len ? " and " : "",
				       uuid);
	return g_string_free(g_steal_pointer(&remedy), FALSE);
}
