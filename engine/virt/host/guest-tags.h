/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tags of a guest: see domain-tags.h. Threads: free. */
#pragma once

#include "guest.h"

#include <glib.h>

/* The tags, none for a guest without. Free with g_strfreev(). NULL: they cannot be asked for. */
char **vk_guest_get_tags(VkGuest *guest, GError **error);

/*
 * Gives the guest these TAGS in place of those that it has, in its definition, and if it runs also
 * in that by which it runs.
 */
gboolean vk_guest_set_tags(VkGuest *guest, const char *const *tags, GError **error);
