/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-name.h"

#include "layout.h"

#include <string.h>

/* More than collectors can leave behind. */
#define GENERATIONS_MAX 64

#define HEX_LENGTH (2 * (gsize)VK_ID_SIZE)

char *vk_pack_object(const VkPackId *id, guint32 generation)
{
	char hex[HEX_LENGTH + 1];

	vk_pack_id_format(id, hex);
	return g_strdup_printf(VK_FOLDER_PACKS "/%.2s/%s.%u", hex, hex, generation);
}

char *vk_pack_compacted_object(const VkPackId *id, guint32 generation, const char *collector)
{
	g_autofree char *object = vk_pack_object(id, generation);

	return g_strdup_printf("%s-%s", object, collector);
}

gboolean vk_pack_parse_name(const char *name, VkPackId *ret_id, guint64 *ret_generation)
{
	g_autofree char *hex = g_strndup(name, HEX_LENGTH);
	g_auto(GStrv) parts = NULL;

	if (strlen(name) <= HEX_LENGTH || name[HEX_LENGTH] != '.' || !vk_pack_id_parse(hex, ret_id))
		return FALSE;
	parts = g_strsplit(name + HEX_LENGTH + 1, "-", 2);
	return parts[0] &&
	       g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT32, ret_generation, NULL) &&
	       (!parts[1] || g_ascii_isxdigit(*parts[1]));
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

			if (vk_pack_parse_name(names->pdata[j], &id, &generation) &&
			    g_hash_table_add(seen, g_memdup2(&id, sizeof(id))))
				g_array_append_val(ids, id);
		}
	}
	return g_steal_pointer(&ids);
}

typedef struct Generation {
	guint64 number;
	char *object;
} Generation;

static void generation_clear(gpointer data)
{
	g_free(((Generation *)data)->object);
}

static gint compare_highest_first(gconstpointer a, gconstpointer b)
{
	guint64 left = ((const Generation *)a)->number;
	guint64 right = ((const Generation *)b)->number;

	return left < right ? 1 : left > right ? -1 : 0;
}

GPtrArray *vk_pack_generations(VkStore *store, const VkPackId *id, GError **error)
{
	g_autofree char *first = vk_pack_object(id, 0);
	g_autofree char *folder = g_path_get_dirname(first);
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, error);
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Generation));

	if (!names)
		return NULL;
	g_array_set_clear_func(found, generation_clear);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		Generation generation;
		VkPackId other;

		if (!vk_pack_parse_name(name, &other, &generation.number) ||
		    !vk_pack_id_equal(&other, id))
			continue;
		generation.object = g_build_filename(folder, name, NULL);
		g_array_append_val(found, generation);
	}
	g_array_sort(found, compare_highest_first);
	for (guint i = 0; i < MIN(found->len, GENERATIONS_MAX); i++)
		g_ptr_array_add(objects, g_strdup(g_array_index(found, Generation, i).object));
	return g_steal_pointer(&objects);
}
