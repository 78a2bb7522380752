/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPresence: which guests a host has. A guest that libvirt did not name is gone only if it was
 * there before: other hosts save their guests into the same vault. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkPresence VkPresence;

/* Asks the libvirt at URI. */
VkPresence *vk_presence_load(const char *uri, GError **error);

/* HOST has the guests UUIDS, which end with NULL. */
VkPresence *vk_presence_new(const char *host, const char *const *uuids);
void vk_presence_free(VkPresence *presence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPresence, vk_presence_free)

/* Whether the host has the guest UUID now. */
gboolean vk_presence_has(const VkPresence *presence, const char *uuid);

/*
 * Whether the guest UUID, whose newest snapshot was taken on the host LAST_HOST (nullable), is gone
 * from there. FALSE without PRESENCE: then nobody knows.
 */
gboolean vk_presence_is_gone(const VkPresence *presence, const char *uuid, const char *last_host);
