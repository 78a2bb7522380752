/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a guest is held, or may be: flags. */
typedef enum {
	VK_HOLD_NONE = 0,
	VK_HOLD_FROZEN = 1 << 0, /* its file systems, by its agent */
	VK_HOLD_SUSPENDED = 1 << 1,
} VkHold;

/* "frozen", "suspended", or "frozen and suspended". Static. */
static inline const char *vk_hold_words(VkHold hold)
{
	if ((hold & VK_HOLD_FROZEN) && (hold & VK_HOLD_SUSPENDED))
		return "frozen and suspended";
	return hold & VK_HOLD_SUSPENDED ? "suspended" : "frozen";
}
