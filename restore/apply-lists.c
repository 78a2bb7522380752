/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists of what is missing in restored files, beside the files.
 */
#include "apply-priv.h"

#include "errors.h"
#include "io.h"
#include "log.h"
#include "new-file.h"

#include <string.h>

static gboolean write_list(const VkRestoreItem *item, const char *path, gboolean replace,
			   GError **error)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(path, 0600, error);
	g_autofree char *text = vk_missing_text(item->missing);

	return file && vk_io_write(vk_new_file_fd(file), path, 0, text, strlen(text), error) &&
	       vk_new_file_commit(file, replace, error);
}

void vk_apply_lists(const VkRestorePlan *plan)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);
		g_autofree char *path = vk_restore_plan_list_path(item);
		g_autoptr(GError) trouble = NULL;

		if (path && item->missing->bytes > 0 &&
		    !write_list(item, path, plan->force, &trouble))
			vk_log_warning("the list of what is missing cannot be written: %s",
				       trouble->message);
	}
}
