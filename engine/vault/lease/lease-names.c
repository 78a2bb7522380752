/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease-priv.h"

#include "layout.h"
#include "pack-id.h"

#include <string.h>

#define ID_LENGTH (2 * (gsize)VK_ID_SIZE)

gboolean vk_lease_is_id(const char *text)
{
	VkPackId id;

	return vk_pack_id_parse(text, &id);
}

char *vk_lease_object(const char *id, const char *part)
{
	return g_strdup_printf(VK_FOLDER_LEASES "/%s.%s", id, part);
}

char *vk_lease_fence_object(const char *id)
{
	return g_strdup_printf(VK_FOLDER_FENCE "/%s.0", id);
}

char *vk_lease_announcement_object(const char *id)
{
	return g_strconcat(VK_FOLDER_GC "/", id, NULL);
}

gboolean vk_lease_parse_name(const char *name, char **ret_id, const char **ret_part)
{
	if (strlen(name) <= ID_LENGTH + 1 || name[ID_LENGTH] != '.')
		return FALSE;
	g_autofree char *hex = g_strndup(name, ID_LENGTH);
	if (!vk_lease_is_id(hex))
		return FALSE;
	*ret_id = g_steal_pointer(&hex);
	*ret_part = name + ID_LENGTH + 1;
	return TRUE;
}

gboolean vk_lease_parse_beat(const char *part, guint64 *ret_beat)
{
	return g_ascii_string_to_unsigned(part, 10, 0, G_MAXUINT64 - 1, ret_beat, NULL);
}

const char *vk_lease_kind_word(VkLeaseKind kind)
{
	switch (kind) {
	case VK_LEASE_WRITE:
		return "write";
	case VK_LEASE_READ:
		return "read";
	case VK_LEASE_COLLECT:
		return "gc";
	case VK_LEASE_UNKNOWN:
		break;
	}
	return "unknown";
}

VkLeaseKind vk_lease_parse_kind(const json_t *lease)
{
	static const VkLeaseKind kinds[] = {VK_LEASE_WRITE, VK_LEASE_READ, VK_LEASE_COLLECT};
	const char *word = vk_json_optional_string(lease, "kind");

	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_strcmp0(word, vk_lease_kind_word(kinds[i])) == 0)
			return kinds[i];
	return VK_LEASE_UNKNOWN;
}
