/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists of what is missing in restored files, beside the files. They change places with the
 * files: a file that lacks something is never there without its list.
 */
#include "apply-priv.h"

#include "sink-copy.h"

#include <string.h>

static gboolean add_list(VkSwap *swap, const VkRestoreItem *item, char *path, GError **error)
{
	g_autofree char *text = vk_missing_text(item->missing);
	const VkPlace place = {.kind = VK_PLACE_FILE,
			       .path = path,
			       .format = "raw",
			       .size = strlen(text),
			       .mode = 0600,
			       .uid = (uid_t)-1,
			       .gid = (gid_t)-1};
	g_autoptr(VkSink) sink = vk_sink_new(&place, error);

	if (!sink || !vk_sink_copy_text(text, sink, error))
		return FALSE;
	vk_swap_add_file(swap, path, item->list_exists, g_steal_pointer(&sink));
	return TRUE;
}

gboolean vk_apply_add(VkSwap *swap, const VkRestoreItem *item, VkSink *sink, GError **error)
{
	g_autofree char *list = vk_restore_plan_list_path(item);
	g_autoptr(VkSink) owned = sink;
	gboolean lacks = list && item->missing && item->missing->bytes > 0;

	if (lacks && !add_list(swap, item, list, error))
		return FALSE;
	vk_swap_add(swap, item, g_steal_pointer(&owned));
	if (!lacks && item->has_list)
		vk_swap_add_removal(swap, list);
	return TRUE;
}
