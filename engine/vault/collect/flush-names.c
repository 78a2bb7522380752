/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flush-names.h"

#include "layout.h"

/* A folder that a guest has no object in any more is flushed as well. */
static gboolean adopt_folders(VkStore *store, const char *top, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, top, error);

	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *any = g_build_filename(top, names->pdata[i], "any", NULL);

		if (g_str_has_suffix(names->pdata[i], "/"))
			store->ops->adopt(store, any);
	}
	return names != NULL;
}

gboolean vk_flush_snapshot_names(VkStore *store, GError **error)
{
	if (adopt_folders(store, VK_FOLDER_SNAPS, error) &&
	    adopt_folders(store, VK_FOLDER_COPIES, error) && store->ops->sync(store, error))
		return TRUE;
	g_prefix_error(error, "no space is freed, because a removed snapshot may come back after a "
			      "power failure: ");
	return FALSE;
}
