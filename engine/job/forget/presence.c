/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "presence.h"

#include "host.h"

struct VkPresence {
	char *host;
	GHashTable *uuids;
};

void vk_presence_free(VkPresence *presence)
{
	if (!presence)
		return;
	g_free(presence->host);
	g_hash_table_unref(presence->uuids);
	g_free(presence);
}

static void add(VkPresence *presence, const char *uuid)
{
	g_hash_table_add(presence->uuids, g_ascii_strdown(uuid, -1));
}

VkPresence *vk_presence_new(const char *host, const char *const *uuids)
{
	VkPresence *presence = g_new0(VkPresence, 1);

	presence->host = g_strdup(host);
	presence->uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (; *uuids; uuids++)
		add(presence, *uuids);
	return presence;
}

VkPresence *vk_presence_load(const char *uri, GError **error)
{
	static const char *const none[] = {NULL};
	g_autoptr(VkHost) host = vk_host_open(uri, error);
	g_autoptr(GPtrArray) guests = host ? vk_host_list(host, error) : NULL;
	VkPresence *presence;

	if (!guests)
		return NULL;
	presence = vk_presence_new(vk_host_name(host), none);
	for (guint i = 0; i < guests->len; i++)
		add(presence, vk_guest_uuid(g_ptr_array_index(guests, i)));
	return presence;
}

gboolean vk_presence_is_gone(const VkPresence *presence, const char *uuid, const char *last_host)
{
	return presence && last_host && g_ascii_strcasecmp(presence->host, last_host) == 0 &&
	       !g_hash_table_contains(presence->uuids, uuid);
}

gboolean vk_presence_has(const VkPresence *presence, const char *uuid)
{
	return g_hash_table_contains(presence->uuids, uuid);
}
