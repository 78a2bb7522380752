/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The health as objects: "checks/20261122T201405Z-packs-0123abcd.json". */
#include "health-priv.h"

#include "checked-json.h"
#include "errors.h"
#include "layout.h"
#include "log.h"
#include "timestamp.h"
#include "vault-parts.h"

#include <string.h>

#define MARK "-packs-"

/* Each has all of those before it that could be read: so many only where nothing can be removed. */
#define OBJECTS_MAX 64u

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The newest ones. Returns char*, owned by the array. */
static GPtrArray *list_objects(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_CHECKS, error);
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func(g_free);

	if (!names)
		return NULL;
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		if (strlen(name) > VK_TIME_LENGTH && g_str_has_suffix(name, ".json") &&
		    g_str_has_prefix(name + VK_TIME_LENGTH, MARK))
			g_ptr_array_add(objects, g_strconcat(VK_FOLDER_CHECKS "/", name, NULL));
	}
	g_ptr_array_sort(objects, compare_names);
	if (objects->len > OBJECTS_MAX)
		g_ptr_array_remove_range(objects, 0, objects->len - OBJECTS_MAX);
	return g_steal_pointer(&objects);
}

/* One that is damaged is removed with those that are in the next one. */
static void add_object(VkHealth *health, const char *name)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = vk_checked_json_get(health->vault->store, name, &trouble);

	if ((object && vk_health_add_json(health, object, g_get_real_time(), &trouble)) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		g_hash_table_add(health->objects, g_strdup(name));
	if (trouble)
		vk_log_debug("'%s' is left out: %s", name, trouble->message);
}

/* Those that were put since it looked last. */
static gboolean add_new_objects(VkHealth *health, GError **error)
{
	g_autoptr(GPtrArray) names = list_objects(health->vault->store, error);

	for (guint i = 0; names && i < names->len; i++)
		if (!g_hash_table_contains(health->objects, names->pdata[i]))
			add_object(health, names->pdata[i]);
	return names != NULL;
}

static void free_damage(gpointer data)
{
	VkPackDamage *damage = data;

	g_free(damage->object);
	g_free(damage);
}

void vk_health_free(VkHealth *health)
{
	if (!health)
		return;
	g_hash_table_unref(health->reads);
	g_hash_table_unref(health->damages);
	g_array_unref(health->shares);
	g_hash_table_unref(health->objects);
	g_free(health);
}

static gboolean is_gone(gpointer key, gpointer value, gpointer user)
{
	VkStore *store = user;
	const VkPackDamage *damage = value;
	g_autoptr(GError) trouble = NULL;
	guint64 size;

	return damage->object && !store->ops->head(store, damage->object, &size, NULL, &trouble) &&
	       g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND);
}

VkHealth *vk_health_load(VkVault *vault, GError **error)
{
	g_autoptr(VkHealth) health = g_new0(VkHealth, 1);

	health->vault = vault;
	health->reads = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	health->damages =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, NULL, free_damage);
	health->shares = g_array_new(FALSE, FALSE, sizeof(gint64));
	health->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (!add_new_objects(health, error))
		return NULL;
	g_hash_table_foreach_remove(health->damages, is_gone, vault->store);
	return g_steal_pointer(&health);
}

static void mark_there(gpointer user, const VkPackId *pack, const GPtrArray *objects)
{
	VkHealth *health = user;
	VkPackRead there = vk_pack_read(objects, 0);
	VkPackRead *read = g_hash_table_lookup(health->reads, &there.pack);

	if (read)
		read->is_there = read->names == there.names;
}

static gboolean was_not_marked(gpointer key, gpointer value, gpointer user)
{
	return !((const VkPackRead *)value)->is_there;
}

static gboolean is_void(gpointer key, gpointer value, gpointer user)
{
	return vk_health_is_void(user, value);
}

/*
 * The packs are listed after the health was read: what is not there then is gone. A reading that
 * goes has made earlier damage void.
 */
static gboolean drop_gone(VkHealth *health, GError **error)
{
	VkStore *store = health->vault->store;

	g_hash_table_foreach_remove(health->damages, is_void, health);
	if (!vk_pack_visit(store, mark_there, health, error))
		return FALSE;
	g_hash_table_foreach_remove(health->reads, was_not_marked, NULL);
	g_hash_table_foreach_remove(health->damages, is_gone, store);
	return TRUE;
}

static gboolean put(VkHealth *health, const char *name, GError **error)
{
	g_autoptr(json_t) object = vk_health_to_json(health);

	return vk_checked_json_put(health->vault->store, name, object, VK_PUT_NOW, error);
}

gboolean vk_health_save(VkHealth *health, GError **error)
{
	VkStore *store = health->vault->store;
	g_autofree char *time = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	g_autofree char *name =
		g_strdup_printf(VK_FOLDER_CHECKS "/%s" MARK "%08x.json", time, g_random_int());
	GHashTableIter at;
	char *old;

	if (!add_new_objects(health, error) || !drop_gone(health, error) ||
	    !put(health, name, error))
		return FALSE;
	g_hash_table_iter_init(&at, health->objects);
	while (g_hash_table_iter_next(&at, (gpointer *)&old, NULL))
		store->ops->delete (store, old, NULL);
	g_hash_table_remove_all(health->objects);
	g_hash_table_add(health->objects, g_steal_pointer(&name));
	return TRUE;
}
