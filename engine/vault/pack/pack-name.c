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

/*
 * Those of a pack together, the highest first. Of two that have one number, whose collectors did
 * not see each other, always the same.
 */
static gint compare_generations(gconstpointer a, gconstpointer b)
{
	const Generation *left = a, *right = b;
	int order = memcmp(&left->pack, &right->pack, sizeof(left->pack));

	if (order != 0)
		return order;
	if (left->number != right->number)
		return left->number < right->number ? 1 : -1;
	return strcmp(right->object, left->object);
}

/* The Generations among NAMES, which are relative to FOLDER, sorted. */
static GArray *parse_generations(const char *folder, const GPtrArray *names)
{
	GArray *found = g_array_new(FALSE, FALSE, sizeof(Generation));

	g_array_set_clear_func(found, generation_clear);
	for (guint i = 0; i < names->len; i++) {
		const char *slash = strrchr(names->pdata[i], '/');
		const char *name = slash ? slash + 1 : names->pdata[i];
		Generation generation;

		if (!vk_pack_parse_name(name, &generation.pack, &generation.number))
			continue;
		generation.object = g_build_filename(folder, names->pdata[i], NULL);
		g_array_append_val(found, generation);
	}
	g_array_sort(found, compare_generations);
	return found;
}

/* The names of the COUNT generations of one pack from FIRST on, as vk_pack_generations(). */
static GPtrArray *name_generations(const GArray *found, guint first, guint count)
{
	GPtrArray *objects = g_ptr_array_new_with_free_func(g_free);

	/* The lowest is the only one that has what was never damaged. */
	for (guint i = 0; i < count; i++)
		if (i < GENERATIONS_MAX || i == count - 1)
			g_ptr_array_add(
				objects,
				g_strdup(g_array_index(found, Generation, first + i).object));
	return objects;
}

/* How many from FIRST on are of one pack. */
static guint count_of_pack(const GArray *found, guint first)
{
	const VkPackId *pack = &g_array_index(found, Generation, first).pack;
	guint count = 1;

	while (first + count < found->len &&
	       vk_pack_id_equal(&g_array_index(found, Generation, first + count).pack, pack))
		count++;
	return count;
}

gboolean vk_pack_visit(VkStore *store, VkPackVisit visit, gpointer user, GError **error)
{
	g_autoptr(GPtrArray) names = vk_store_list_deep(store, VK_FOLDER_PACKS, error);
	g_autoptr(GArray) found = names ? parse_generations(VK_FOLDER_PACKS, names) : NULL;

	g_clear_pointer(&names, g_ptr_array_unref);
	for (guint first = 0, count; found && first < found->len; first += count) {
		g_autoptr(GPtrArray) objects = NULL;

		count = count_of_pack(found, first);
		objects = name_generations(found, first, count);
		visit(user, &g_array_index(found, Generation, first).pack, objects);
	}
	return found != NULL;
}

static void append_id(gpointer user, const VkPackId *id, const GPtrArray *objects)
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
	g_autoptr(GArray) found = names ? parse_generations(folder, names) : NULL;
	guint at = 0;

	while (found && at < found->len &&
	       !vk_pack_id_equal(&g_array_index(found, Generation, at).pack, id))
		at++;
	if (!found)
		return NULL;
	return name_generations(found, at, at < found->len ? count_of_pack(found, at) : 0);
}
