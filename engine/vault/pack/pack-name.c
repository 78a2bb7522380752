/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-name.h"

#include "layout.h"

#include <string.h>

/* More than collectors and healers leave behind. */
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

/* A generation of a pack. */
typedef struct Generation {
	VkPackId pack;
	guint64 number;
	char *object;
} Generation;

static void generation_clear(gpointer data)
{
	g_free(((Generation *)data)->object);
}

static void generation_free(gpointer data)
{
	generation_clear(data);
	g_free(data);
}

/* Of two that have one number, whose collectors did not see each other, always the same. */
static gint compare_highest_first(gconstpointer a, gconstpointer b)
{
	const Generation *left = a, *right = b;

	if (left->number != right->number)
		return left->number < right->number ? 1 : -1;
	return strcmp(right->object, left->object);
}

/* The highest generation of each pack in a folder packs/<hh>: by the id, owned. */
static GHashTable *highest_in(const GPtrArray *names, const char *folder)
{
	GHashTable *highest =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, NULL, generation_free);

	for (guint i = 0; i < names->len; i++) {
		const Generation *other;
		Generation *found = g_new0(Generation, 1);

		found->object = g_build_filename(folder, names->pdata[i], NULL);
		if (!vk_pack_parse_name(names->pdata[i], &found->pack, &found->number) ||
		    ((other = g_hash_table_lookup(highest, &found->pack)) &&
		     compare_highest_first(other, found) < 0))
			generation_free(found);
		else
			g_hash_table_replace(highest, &found->pack, found);
	}
	return highest;
}

static gboolean visit_folder(VkStore *store, const char *folder, VkPackVisit visit, gpointer user,
			     GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, error);
	g_autoptr(GHashTable) highest = names ? highest_in(names, folder) : NULL;
	Generation *generation;
	GHashTableIter at;

	if (!names)
		return FALSE;
	g_hash_table_iter_init(&at, highest);
	while (g_hash_table_iter_next(&at, NULL, (gpointer *)&generation))
		visit(user, &generation->pack, generation->object);
	return TRUE;
}

gboolean vk_pack_visit(VkStore *store, VkPackVisit visit, gpointer user, GError **error)
{
	g_autoptr(GPtrArray) folders = store->ops->list(store, VK_FOLDER_PACKS, error);

	for (guint i = 0; folders && i < folders->len; i++) {
		g_autofree char *folder =
			g_build_filename(VK_FOLDER_PACKS, folders->pdata[i], NULL);

		if (!g_str_has_suffix(folder, "/"))
			continue;
		folder[strlen(folder) - 1] = '\0';
		if (!visit_folder(store, folder, visit, user, error))
			return FALSE;
	}
	return folders != NULL;
}

static void append_id(gpointer user, const VkPackId *id, const char *object)
{
	g_array_append_vals(user, id, 1);
}

GArray *vk_pack_list(VkStore *store, GError **error)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(VkPackId));

	return vk_pack_visit(store, append_id, ids, error) ? g_steal_pointer(&ids) : NULL;
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

		if (!vk_pack_parse_name(name, &generation.pack, &generation.number) ||
		    !vk_pack_id_equal(&generation.pack, id))
			continue;
		generation.object = g_build_filename(folder, name, NULL);
		g_array_append_val(found, generation);
	}
	g_array_sort(found, compare_highest_first);
	/* The lowest is the only one that has what was never damaged. */
	for (guint i = 0; i < found->len; i++)
		if (i < GENERATIONS_MAX || i == found->len - 1)
			g_ptr_array_add(objects,
					g_strdup(g_array_index(found, Generation, i).object));
	return g_steal_pointer(&objects);
}
