/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease-end.h"

#include "layout.h"
#include "lease-priv.h"

#include "errors.h"

#include <string.h>

/* Whether NAME is in the vault, by a listing of its folder. */
static gboolean is_there(VkStore *store, const char *name, gboolean *ret, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(name);
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, error);

	*ret = FALSE;
	for (guint i = 0; names && i < names->len && !*ret; i++)
		*ret = strcmp(g_ptr_array_index(names, i), strrchr(name, '/') + 1) == 0;
	return names != NULL;
}

/* The owner may have looked for the fence before it was there, and commit at any time. */
static gboolean refuse_intent(VkStore *store, const char *id, GError **error)
{
	g_autofree char *intent = vk_lease_object(id, VK_LEASE_COMMIT);
	g_autofree char *name = NULL;
	g_autoptr(json_t) object = NULL;
	gboolean there;

	if (!is_there(store, intent, &there, error))
		return FALSE;
	if (!there)
		return TRUE;
	object = vk_lease_load_intent(store, id, &name, error);
	if (!object)
		return FALSE;
	if (!strchr(name, '/'))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "'%s' is damaged: it is about to put '%s', which is no object of a "
			       "snapshot",
			       intent, name);
	if (!is_there(store, name, &there, error))
		return FALSE;
	return there || vk_fail(error, VK_ERROR_BUSY, "it was about to put '%s'", name);
}

/* A collector may have looked for the fence before, and delete what it announced at any time. */
static gboolean refuse_announcement(VkStore *store, const char *id, GError **error)
{
	g_autofree char *announcement = vk_lease_announcement_object(id);
	gboolean there;

	if (!is_there(store, announcement, &there, error))
		return FALSE;
	return !there || vk_fail(error, VK_ERROR_BUSY, "it was about to delete packs");
}

/* The same for snapshots that a collector removes, or that somebody lists again. */
static gboolean refuse_marks(VkStore *store, const char *id, GError **error)
{
	g_autoptr(GPtrArray) marks = vk_lease_find_marks(store, id, error);

	if (!marks)
		return FALSE;
	return marks->len == 0 ||
	       vk_fail(error, VK_ERROR_BUSY, "it was about to remove '%s', or to list it again",
		       (const char *)g_ptr_array_index(marks, 0));
}

/* After the fence: who has not begun with one of these finds the fence, or the end, before. */
static gboolean refuse_pending(VkStore *store, const VkLeaseInfo *info, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (refuse_intent(store, info->id, &trouble) &&
	    refuse_announcement(store, info->id, &trouble) &&
	    refuse_marks(store, info->id, &trouble))
		return TRUE;
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return vk_fail(error, VK_ERROR_BUSY,
		       "the lease '%s' stays: %s, and would do so if it lived; run 'virtkeep "
		       "doctor --fix' on the host '%s', or, if that host is gone for good, remove "
		       "'" VK_FOLDER_LEASES "/%s." VK_LEASE_BEGIN "' from the vault",
		       info->id, trouble->message, info->host ? info->host : "?", info->id);
}

gboolean vk_lease_end_by_word(VkStore *store, const VkLeaseInfo *info, GError **error)
{
	if (info->is_local_and_alive)
		return vk_fail(error, VK_ERROR_BUSY,
			       "the lease '%s' is of the process %" G_GINT64_FORMAT
			       " of this host, which is at work: end that process first",
			       info->id, info->pid);
	if (info->ended || info->is_local_and_dead)
		return vk_lease_put_end_now(store, info->id, error);
	return (info->kind == VK_LEASE_READ || vk_lease_fence(store, info->id, error)) &&
	       refuse_pending(store, info, error) && vk_lease_put_end_now(store, info->id, error);
}
