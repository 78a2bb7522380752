/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease-sweep.h"

#include "layout.h"
#include "lease-priv.h"

#include "checked-json.h"
#include "errors.h"

#include <string.h>

static gboolean put_end(VkStore *store, const char *id, VkPutMode mode, GError **error)
{
	g_autofree char *end = vk_lease_object(id, VK_LEASE_END);
	g_autoptr(GError) trouble = NULL;

	if (vk_store_put(store, end, NULL, 0, mode, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_lease_put_end(VkStore *store, const char *id, GError **error)
{
	return put_end(store, id, VK_PUT_HINT, error);
}

gboolean vk_lease_put_end_now(VkStore *store, const char *id, GError **error)
{
	return put_end(store, id, VK_PUT_NOW, error);
}

/* Only the mark of a collector or of somebody who unforgets ends in an id. */
static gboolean find_marks_of_guest(VkStore *store, const char *guest, const char *id,
				    GPtrArray *marks, GError **error)
{
	g_autofree char *folder = g_strconcat(VK_FOLDER_SNAPS "/", guest, NULL);
	g_autofree char *gone = g_strconcat(".gone-", id, NULL);
	g_autofree char *back = g_strconcat(".back-", id, NULL);
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, error);

	for (guint i = 0; names && i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		if (g_str_has_suffix(name, gone) || g_str_has_suffix(name, back))
			g_ptr_array_add(marks, g_build_filename(folder, name, NULL));
	}
	return names != NULL;
}

GPtrArray *vk_lease_find_marks(VkStore *store, const char *id, GError **error)
{
	g_autoptr(GPtrArray) guests = store->ops->list(store, VK_FOLDER_SNAPS, error);
	g_autoptr(GPtrArray) marks = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; guests && i < guests->len; i++)
		if (g_str_has_suffix(g_ptr_array_index(guests, i), "/") &&
		    !find_marks_of_guest(store, g_ptr_array_index(guests, i), id, marks, error))
			return NULL;
	return guests ? g_steal_pointer(&marks) : NULL;
}

static gboolean remove_marks(VkStore *store, const char *id, GError **error)
{
	g_autoptr(GPtrArray) marks = vk_lease_find_marks(store, id, error);

	for (guint i = 0; marks && i < marks->len; i++)
		if (!store->ops->delete (store, g_ptr_array_index(marks, i), error))
			return FALSE;
	return marks != NULL;
}

/* The one who unforgets a snapshot reads it, and puts a mark of its own beside it. */
static gboolean remove_marks_on_read(VkStore *store, const json_t *lease, const char *id,
				     GError **error)
{
	const json_t *names = json_object_get(lease, "snapshots");
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		const char *object = json_string_value(name);
		const char *dot = object ? strrchr(object, '.') : NULL;
		g_autofree char *mark =
			dot ? g_strdup_printf("%.*s.back-%s", (int)(dot - object), object, id)
			    : NULL;

		if (mark && g_str_has_prefix(mark, VK_FOLDER_SNAPS "/") &&
		    !store->ops->delete (store, mark, error))
			return FALSE;
	}
	return TRUE;
}

/* Not all guests have to be listed for writers and readers. */
static gboolean remove_its_marks(VkStore *store, const char *id, GError **error)
{
	g_autofree char *object = vk_lease_object(id, VK_LEASE_BEGIN);
	g_autoptr(json_t) lease = vk_checked_json_get(store, object, NULL);

	switch (lease ? vk_lease_parse_kind(lease) : VK_LEASE_UNKNOWN) {
	case VK_LEASE_WRITE:
		return TRUE;
	case VK_LEASE_READ:
		return remove_marks_on_read(store, lease, id, error);
	case VK_LEASE_COLLECT:
	case VK_LEASE_UNKNOWN:
		break;
	}
	return remove_marks(store, id, error);
}

/*
 * The names in leases/ that carry the id. *RET_ENDED: its end is there, or its first object is not.
 * The id was seen before this listing, and the first object had been put by then.
 */
static GPtrArray *list_parts(VkStore *store, const char *id, gboolean *ret_ended, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_LEASES, error);
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
	gboolean is_there = FALSE, has_end = FALSE;

	if (!names)
		return NULL;
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *owner = NULL;
		const char *part;

		if (!vk_lease_parse_name(g_ptr_array_index(names, i), &owner, &part) ||
		    strcmp(owner, id) != 0)
			continue;
		g_ptr_array_add(parts, g_strdup(part));
		is_there = is_there || strcmp(part, VK_LEASE_BEGIN) == 0;
		has_end = has_end || strcmp(part, VK_LEASE_END) == 0;
	}
	*ret_ended = has_end || !is_there;
	return g_steal_pointer(&parts);
}

/* The intent goes first and the end last: what is left of it in between has ended for all. */
static gboolean remove_parts(VkStore *store, const char *id, const GPtrArray *parts, GError **error)
{
	g_autofree char *intent = vk_lease_object(id, VK_LEASE_COMMIT);
	g_autofree char *fence = vk_lease_fence_object(id);
	g_autofree char *end = vk_lease_object(id, VK_LEASE_END);

	if (!store->ops->delete (store, intent, error))
		return FALSE;
	for (guint i = 0; i < parts->len; i++) {
		g_autofree char *object = vk_lease_object(id, g_ptr_array_index(parts, i));

		if (strcmp(object, end) != 0 && !store->ops->delete (store, object, error))
			return FALSE;
	}
	return store->ops->delete (store, fence, error) && store->ops->delete (store, end, error);
}

gboolean vk_lease_sweep(VkStore *store, const char *id, GError **error)
{
	g_autofree char *announcement = vk_lease_announcement_object(id);
	gboolean ended;
	g_autoptr(GPtrArray) parts = list_parts(store, id, &ended, error);

	if (!parts)
		return FALSE;
	if (!ended)
		return vk_fail(error, VK_ERROR_BUSY, "the lease '%s' is open", id);
	return store->ops->delete (store, announcement, error) &&
	       remove_its_marks(store, id, error) && remove_parts(store, id, parts, error);
}
