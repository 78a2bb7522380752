/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Volumes of a guest that are encrypted. Threads: as VkGuestFiles. */
#pragma once

#include "guest-files-priv.h"

/* Gives the appliance, which was just started, all keys. FALSE: one of them opens nothing. */
gboolean vk_guest_files_unlock(VkGuestFiles *files, GError **error);

/* By VK_MESSAGE_LOCKED: asks at the terminal for the key, and starts the appliance anew with it. */
gboolean vk_guest_files_ask_key(VkGuestFiles *files, VkBody *body, GError **error);

/* By VK_MESSAGE_LOCKED, where nobody can be asked. */
gboolean vk_guest_files_fail_locked(VkBody *body, GError **error);
