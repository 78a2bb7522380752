/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease-list.h"

#include "layout.h"
#include "lease-owner.h"
#include "lease-priv.h"

#include "checked-json.h"
#include "errors.h"

#include <string.h>

void vk_lease_info_free(VkLeaseInfo *info)
{
	if (!info)
		return;
	g_strfreev(info->snapshots);
	g_free(info->since);
	g_free(info->host);
	g_free(info->id);
	g_free(info);
}

static void info_free(gpointer info)
{
	vk_lease_info_free(info);
}

/* One that is new here has ended, unless its first object shows up. */
static VkLeaseInfo *ensure_info(GHashTable *by_id, const char *id)
{
	VkLeaseInfo *info = g_hash_table_lookup(by_id, id);

	if (!info) {
		info = g_new0(VkLeaseInfo, 1);
		info->id = g_strdup(id);
		info->ended = TRUE;
		g_hash_table_insert(by_id, info->id, info);
	}
	return info;
}

static void take_part(VkLeaseInfo *info, const char *part)
{
	guint64 beat;

	if (strcmp(part, VK_LEASE_BEGIN) == 0)
		info->ended = FALSE;
	else if (strcmp(part, VK_LEASE_COMMIT) == 0)
		info->has_intent = TRUE;
	else if (vk_lease_parse_beat(part, &beat))
		info->beat = MAX(info->beat, beat);
}

static void take_names(GHashTable *by_id, const GPtrArray *names)
{
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *id = NULL;
		const char *part;

		if (vk_lease_parse_name(g_ptr_array_index(names, i), &id, &part))
			take_part(ensure_info(by_id, id), part);
	}
}

/* After all other names, for the listing has no order. */
static void take_ends(GHashTable *by_id, const GPtrArray *names)
{
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *id = NULL;
		const char *part;

		if (vk_lease_parse_name(g_ptr_array_index(names, i), &id, &part) &&
		    strcmp(part, VK_LEASE_END) == 0)
			ensure_info(by_id, id)->ended = TRUE;
	}
}

/* One without a lease has outlived it. */
static void take_fences(GHashTable *by_id, const GPtrArray *fences)
{
	for (guint i = 0; i < fences->len; i++) {
		g_autofree char *id = NULL;
		const char *part;

		if (vk_lease_parse_name(g_ptr_array_index(fences, i), &id, &part))
			ensure_info(by_id, id)->fenced = TRUE;
	}
}

static void take_announcements(GHashTable *by_id, const GPtrArray *announcements)
{
	for (guint i = 0; i < announcements->len; i++)
		if (vk_lease_is_id(g_ptr_array_index(announcements, i)))
			ensure_info(by_id, g_ptr_array_index(announcements, i))->announces = TRUE;
}

/* NULL: all, or it does not say. */
static char **parse_snapshots(const json_t *names)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	json_t *name;
	size_t i;

	if (!json_is_array(names))
		return NULL;
	json_array_foreach (names, i, name) {
		if (!json_is_string(name))
			return NULL;
		g_strv_builder_add(builder, json_string_value(name));
	}
	return g_strv_builder_end(builder);
}

/*
 * What cannot be read stays what it is: open, and of an unknown kind. What has gone since it was
 * listed is never put again: that lease has ended.
 */
static void read_lease(VkStore *store, VkLeaseInfo *info)
{
	g_autofree char *object = vk_lease_object(info->id, VK_LEASE_BEGIN);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) lease = vk_checked_json_get(store, object, &trouble);
	const json_t *owner = lease ? json_object_get(lease, "owner") : NULL;
	VkOwnerState state;

	info->ended = g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND);
	if (!lease)
		return;
	info->kind = vk_lease_parse_kind(lease);
	info->since = g_strdup(vk_json_optional_string(lease, "since"));
	info->snapshots = parse_snapshots(json_object_get(lease, "snapshots"));
	if (!json_is_object(owner))
		return;
	info->host = g_strdup(vk_json_optional_string(owner, "host"));
	info->pid = json_integer_value(json_object_get(owner, "pid"));
	state = vk_lease_owner_state(owner);
	info->is_local_and_dead = state == VK_OWNER_GONE;
	info->is_local_and_alive = state == VK_OWNER_HERE;
}

/* The leases are listed last: that of each announcement and fence was there, or has ended. */
GPtrArray *vk_leases_list(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) announcements = store->ops->list(store, VK_FOLDER_GC, error);
	g_autoptr(GPtrArray) fences =
		announcements ? store->ops->list(store, VK_FOLDER_FENCE, error) : NULL;
	g_autoptr(GPtrArray) names =
		fences ? store->ops->list(store, VK_FOLDER_LEASES, error) : NULL;
	g_autoptr(GPtrArray) infos = g_ptr_array_new_with_free_func(info_free);
	g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer info;

	if (!names)
		return NULL;
	take_names(by_id, names);
	take_ends(by_id, names);
	take_fences(by_id, fences);
	take_announcements(by_id, announcements);
	g_hash_table_iter_init(&iter, by_id);
	while (g_hash_table_iter_next(&iter, NULL, &info)) {
		if (!((VkLeaseInfo *)info)->ended)
			read_lease(store, info);
		g_ptr_array_add(infos, info);
	}
	return g_steal_pointer(&infos);
}

GHashTable *vk_leases_open(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_LEASES, error);
	g_autoptr(GHashTable) by_id =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, info_free);
	g_autoptr(GHashTable) open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer id, info;

	if (!names)
		return NULL;
	take_names(by_id, names);
	take_ends(by_id, names);
	g_hash_table_iter_init(&iter, by_id);
	while (g_hash_table_iter_next(&iter, &id, &info))
		if (!((VkLeaseInfo *)info)->ended)
			g_hash_table_add(open, g_strdup(id));
	return g_steal_pointer(&open);
}

gboolean vk_lease_info_reads(const VkLeaseInfo *info, const char *name)
{
	if (info->kind != VK_LEASE_READ)
		return info->kind == VK_LEASE_UNKNOWN;
	return !info->snapshots || g_strv_contains((const char *const *)info->snapshots, name);
}

gboolean vk_lease_end_of_dead(VkStore *store, const VkLeaseInfo *info, GError **error)
{
	if (!info->is_local_and_dead)
		return vk_fail(error, VK_ERROR_BUSY,
			       "the lease '%s' of the host '%s' may be of a process that works",
			       info->id, info->host ? info->host : "?");
	return vk_lease_put_end(store, info->id, error);
}

/* G0, G4 */
gboolean vk_lease_fence(VkStore *store, const char *id, GError **error)
{
	g_autofree char *object = vk_lease_fence_object(id);
	g_autoptr(GError) trouble = NULL;

	if (vk_store_put(store, object, NULL, 0, VK_PUT_NOW, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

json_t *vk_lease_load_intent(VkStore *store, const char *id, char **ret_name, GError **error)
{
	g_autofree char *object = vk_lease_object(id, VK_LEASE_COMMIT);
	g_autoptr(json_t) intent = vk_checked_json_get(store, object, error);
	const char *name;
	json_t *content;

	if (!intent || !vk_json_string(intent, "name", &name, error) ||
	    !vk_json_object(intent, "object", &content, error))
		return NULL;
	*ret_name = g_strdup(name);
	return json_incref(content);
}
