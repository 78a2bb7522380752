/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning the files that a guest is booted from without a loader. An existing file is used as it
 * is, because other guests may use it. With --to the guest gets its own file, which fits its disks
 * even if the file of the host has changed.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>

static const VkDomainBoot *find_boot(const VkDomain *domain, const char *element)
{
	for (guint i = 0; i < domain->boot->len; i++) {
		const VkDomainBoot *boot = &g_array_index(domain->boot, VkDomainBoot, i);

		if (strcmp(boot->element, element) == 0)
			return boot;
	}
	return NULL;
}

/* The directory of the guest's first disk that is a file, else that of firmware. New string. */
static char *other_directory(const VkPlanner *planner)
{
	const GPtrArray *items = planner->plan->items;

	for (guint i = 0; i < items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(items, i);

		if (item->is_disk && item->place.kind == VK_PLACE_FILE)
			return g_path_get_dirname(item->path);
	}
	return g_strdup(planner->facts->nvram_directory);
}

/* The old path if the file may lie there; else one beside the guest's other files. New string. */
static char *boot_path(const VkPlanner *planner, const VkDomainBoot *boot)
{
	g_autofree char *directory = g_path_get_dirname(boot->path);
	g_autofree char *name = vk_place_file_name(planner->plan->guest, boot->element);
	g_autofree char *other = NULL;

	if (planner->options->directory)
		return g_build_filename(planner->options->directory, name, NULL);
	if (g_path_is_absolute(boot->path) && g_file_test(directory, G_FILE_TEST_IS_DIR) &&
	    vk_planner_check_place(boot->path, boot->element, NULL))
		return g_strdup(boot->path);
	other = other_directory(planner);
	return g_build_filename(other, name, NULL);
}

static gboolean add_file(VkPlanner *planner, const VkFileRecord *file, const VkDomainBoot *boot,
			 GError **error)
{
	g_autofree char *path = boot_path(planner, boot);
	VkRestoreItem *item;

	if (file->image->size > VK_BOOT_FILE_MAX)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "the snapshot's file '%s' has more than %u MiB: no guest is booted "
			       "from that",
			       file->name, VK_BOOT_FILE_MAX >> 20);
	item = vk_restore_plan_add_item(planner->plan, file->name, FALSE, file->image->size);
	item->record = file->image;
	item->place.mode = 0644; /* QEMU's user reads it */
	if (!vk_place_set(item, path, planner->options->force ? VK_REPLACE_FILE : VK_REPLACE_NO,
			  planner->options->force, "", error))
		return FALSE;
	if (strcmp(item->path, boot->path) != 0) {
		VkDomainNewBoot changed = {boot->element, item->path};

		g_array_append_val(planner->changes.boot, changed);
	}
	return TRUE;
}

gboolean vk_planner_add_boot(VkPlanner *planner, GError **error)
{
	const GPtrArray *files = planner->snapshot->files;

	for (guint i = 0; i < files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(files, i);
		const VkDomainBoot *boot = strcmp(file->role, "boot") == 0
						   ? find_boot(planner->domain, file->name)
						   : NULL;

		if (!boot ||
		    (!planner->options->directory && g_file_test(boot->path, G_FILE_TEST_EXISTS)))
			continue;
		if (!add_file(planner, file, boot, error))
			return FALSE;
	}
	return TRUE;
}
