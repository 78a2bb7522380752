/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan.h"

#include "errors.h"
#include "new-file.h"

#include <string.h>
#include <sys/stat.h>

static void clone_free(VkRestoreClone *clone)
{
	if (!clone)
		return;
	g_free(clone->format);
	g_free(clone->backing);
	g_free(clone->backing_format);
	g_free(clone);
}

static void item_free(gpointer data)
{
	VkRestoreItem *item = data;

	g_free(item->name);
	g_free(item->path);
	g_free(item->place.path);
	g_free(item->place.options);
	g_clear_pointer(&item->backing, g_array_unref);
	g_free(item->owner_directory);
	vk_qemu_secret_free(item->secret);
	clone_free(item->clone);
	vk_missing_free(item->missing);
	g_free(item->why_copied);
	g_free(item);
}

VkRestorePlan *vk_restore_plan_new(VkRestoreKind kind, const VkSnapshot *snapshot)
{
	VkRestorePlan *plan = g_new0(VkRestorePlan, 1);

	plan->kind = kind;
	plan->reference = vk_snapshot_reference(snapshot);
	plan->guest = g_strdup(snapshot->name);
	plan->uuid = g_strdup(snapshot->uuid);
	plan->items = g_ptr_array_new_with_free_func(item_free);
	plan->notes = g_ptr_array_new_with_free_func(g_free);
	plan->room = g_ptr_array_new_with_free_func(g_free);
	return plan;
}

void vk_restore_plan_free(VkRestorePlan *plan)
{
	if (!plan)
		return;
	g_free(plan->reference);
	g_free(plan->guest);
	g_free(plan->uuid);
	g_free(plan->domain_xml);
	g_free(plan->definition);
	g_free(plan->command);
	g_free(plan->managed_save);
	g_free(plan->back_to);
	g_free(plan->old_mark);
	g_ptr_array_unref(plan->items);
	g_ptr_array_unref(plan->notes);
	g_ptr_array_unref(plan->room);
	g_free(plan);
}

VkRestoreItem *vk_restore_plan_add_item(VkRestorePlan *plan, const char *name, gboolean is_disk,
					guint64 size)
{
	VkRestoreItem *item = g_new0(VkRestoreItem, 1);

	item->name = g_strdup(name);
	item->is_disk = is_disk;
	item->place = (VkPlace){.kind = VK_PLACE_FILE,
				.format = "raw",
				.size = size,
				.mode = 0600,
				.uid = (uid_t)-1,
				.gid = (gid_t)-1};
	g_ptr_array_add(plan->items, item);
	return item;
}

void vk_restore_plan_note(VkRestorePlan *plan, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(plan->notes, g_strdup_vprintf(format, args));
	va_end(args);
}

gboolean vk_restore_plan_check_distinct(const GPtrArray *plans, GError **error)
{
	g_autoptr(GHashTable) owners = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < plans->len; i++) {
		const VkRestorePlan *plan = g_ptr_array_index(plans, i);

		for (guint k = 0; k < plan->items->len; k++) {
			const VkRestoreItem *item = g_ptr_array_index(plan->items, k);

			if (item->place.path && !g_hash_table_add(owners, item->place.path))
				return vk_fail(error, VK_ERROR_USAGE,
					       "'%s' would be written twice: restore in separate "
					       "calls or to separate directories",
					       item->place.path);
		}
	}
	return TRUE;
}

/* Whether PATH lies in the directory WHAT, by whatever name. */
static gboolean lies_in(const char *path, const struct stat *what)
{
	g_autofree char *at = g_strdup(path);

	while (strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
		char *parent = g_path_get_dirname(at);
		struct stat st;

		g_free(at);
		at = parent;
		if (stat(at, &st) == 0 && st.st_dev == what->st_dev && st.st_ino == what->st_ino)
			return TRUE;
	}
	return FALSE;
}

gboolean vk_restore_plan_check_outside(const VkRestorePlan *plan, const char *directory,
				       GError **error)
{
	struct stat st;

	if (!directory || stat(directory, &st) < 0)
		return TRUE;
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->place.path && lies_in(item->place.path, &st))
			return vk_fail(error, VK_ERROR_USAGE,
				       "'%s' lies in the vault '%s': restore into a directory "
				       "outside of it",
				       item->path, directory);
	}
	return TRUE;
}

char *vk_restore_plan_list_path(const VkRestoreItem *item)
{
	return item->place.kind == VK_PLACE_FILE ? g_strconcat(item->place.path, ".missing", NULL)
						 : NULL;
}

char *vk_restore_plan_kept_path(const VkRestorePlan *plan, const VkRestoreItem *item)
{
	g_autofree char *directory = NULL;
	g_autofree char *base = NULL;
	g_autofree char *name = NULL;

	if (!plan->old_mark || !item->exists || item->place.kind != VK_PLACE_FILE)
		return NULL;
	directory = g_path_get_dirname(item->place.path);
	base = g_path_get_basename(item->place.path);
	name = vk_new_file_decorated(base, plan->old_mark);
	return g_build_filename(directory, name, NULL);
}
