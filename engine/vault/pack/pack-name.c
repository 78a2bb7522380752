/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-name.h"

#include "layout.h"

#include <string.h>

char *vk_pack_object(const VkPackId *id, guint32 generation)
{
	char hex[33];

	vk_pack_id_format(id, hex);
	return g_strdup_printf(VK_FOLDER_PACKS "/%.2s/%s.%u", hex, hex, generation);
}

/* Splits "<32 hex>.<generation>". FALSE for other names. */
static gboolean parse_object_name(const char *name, VkPackId *ret_id, guint64 *ret_generation)
{
	const gsize length = 2 * (gsize)VK_ID_SIZE;
	g_autofree char *hex = g_strndup(name, length);

	return strlen(name) > length && name[length] == '.' && vk_pack_id_parse(hex, ret_id) &&
	       g_ascii_string_to_unsigned(name + length + 1, 10, 0, G_MAXUINT32, ret_generation,
					  NULL);
}

GArray *vk_pack_list(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) folders = store->ops->list(store, VK_FOLDER_PACKS, error);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(VkPackId));

	if (!folders)
		return NULL;
	for (guint i = 0; i < folders->len; i++) {
		g_autofree char *folder =
			g_build_filename(VK_FOLDER_PACKS, folders->pdata[i], NULL);
		g_autoptr(GPtrArray) names = NULL;
		g_autoptr(GHashTable) seen =
			g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);

		if (!g_str_has_suffix(folder, "/"))
			continue;
		names = store->ops->list(store, folder, error);
		if (!names)
			return NULL;
		for (guint j = 0; j < names->len; j++) {
			VkPackId id;
			guint64 generation;

			if (parse_object_name(names->pdata[j], &id, &generation) &&
			    g_hash_table_add(seen, g_memdup2(&id, sizeof(id))))
				g_array_append_val(ids, id);
		}
	}
	return g_steal_pointer(&ids);
}

char *vk_pack_find_generation(VkStore *store, const VkPackId *id)
{
	g_autofree char *first = vk_pack_object(id, 0);
	g_autofree char *folder = g_path_get_dirname(first);
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, NULL);
	gint64 highest = -1;

	for (guint i = 0; names && i < names->len; i++) {
		VkPackId found;
		guint64 generation;

		if (parse_object_name(names->pdata[i], &found, &generation) &&
		    vk_pack_id_equal(&found, id))
			highest = MAX(highest, (gint64)generation);
	}
	return highest < 0 ? NULL : vk_pack_object(id, (guint32)highest);
}
